import type { FrameInit } from '../../wire/frame.js';
import { Devices } from './devices.js';
import type { Kallsyms } from './kallsyms.js';

/** Facts of one kind that are remembered as sent; beyond, all are forgotten and sent again when asked for. */
const MAX_SENT = 262_144;

export type LookupKind = 'ksym' | 'majorminor';

/** Answers what only this host knows, each question once: what has been sent is not looked up again. */
export class HostLookups {
  readonly #answer: Record<LookupKind, (id: bigint) => Promise<Uint8Array | string | undefined>>;
  readonly #sent = new Map<LookupKind, Set<bigint>>();
  readonly #pending = new Map<LookupKind, Set<bigint>>();
  /** Answered by the last `take`, not yet handed to the bus. */
  #taken: { kind: LookupKind; ids: bigint[] }[] = [];

  constructor(kallsyms: Kallsyms, devices = new Devices()) {
    this.#answer = { ksym: (id) => kallsyms.exact(id), majorminor: (id) => devices.name(id) };
  }

  /** Notes that a frame will need this fact. */
  need(kind: LookupKind, id: bigint): void {
    if (this.#sent.get(kind)?.has(id) === true) return;
    setOf(this.#pending, kind).add(id);
  }

  /** Facts noted as needed and not sent yet, as Lookup bodies. What the host does not know is left out: decoding says so. */
  async take(): Promise<NonNullable<FrameInit['body']>[]> {
    this.#taken = [];
    const bodies: NonNullable<FrameInit['body']>[] = [];
    for (const [kind, pending] of this.#pending) {
      const ids: bigint[] = [];
      const names: Uint8Array[] = [];
      for (const id of pending) {
        const name = await this.#answer[kind](id);
        if (name === undefined) continue;
        ids.push(id);
        names.push(typeof name === 'string' ? Buffer.from(name) : name);
      }
      if (ids.length === 0) continue;
      bodies.push({ case: 'lookup', value: { kind, ids, names } });
      this.#taken.push({ kind, ids });
    }
    return bodies;
  }

  /** The bodies of the last `take` have been handed to the bus. */
  sent(): void {
    for (const { kind, ids } of this.#taken) {
      const sent = setOf(this.#sent, kind);
      if (sent.size + ids.length > MAX_SENT) sent.clear();
      for (const id of ids) sent.add(id);
    }
    this.#taken = [];
    this.#pending.clear();
  }
}

function setOf(map: Map<LookupKind, Set<bigint>>, kind: LookupKind): Set<bigint> {
  let set = map.get(kind);
  if (set === undefined) map.set(kind, (set = new Set()));
  return set;
}
