import { Devices } from './devices.js';
import type { Kallsyms } from './kallsyms.js';

/** Decoders whose answers only the host knows. */
export type LookupKind = 'ksym' | 'majorminor';

/** Answers what only this host knows: a number's name, undefined when there is none. */
export class HostAnswers {
  readonly #answer: Record<LookupKind, (id: bigint) => Promise<Uint8Array | string | undefined>>;

  constructor(kallsyms: Kallsyms, devices = new Devices()) {
    this.#answer = { ksym: (id) => kallsyms.exact(id), majorminor: (id) => devices.name(id) };
  }

  async answer(kind: LookupKind, id: bigint): Promise<Uint8Array | undefined> {
    const name = await this.#answer[kind](id);
    return typeof name === 'string' ? Buffer.from(name) : name;
  }
}
