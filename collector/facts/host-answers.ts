import type { HostDecoderName } from '../../wire/config/schema.js';

/** A question, named after the decoder that needs its answer. */
export type LookupKind = HostDecoderName;

/** Answers questions of one kind. */
export interface LookupProvider {
  /**
   * What this host has to say of a number, as text or bytes; undefined when it knows nothing now, and may be asked again. Rejects
   * when it cannot tell: that is said, and asked again.
   */
  answer(id: bigint): Promise<Uint8Array | string | undefined>;
  /** After how many milliseconds an answer may be another; left out: never. */
  readonly standsMs?: number;
}

export type LookupProviders = Readonly<Partial<Record<LookupKind, LookupProvider>>>;

/** Answers what only this host knows. What nobody provides is not asked: decoding says so. */
export class HostAnswers {
  readonly #providers: LookupProviders;

  constructor(providers: LookupProviders) {
    this.#providers = providers;
  }

  has(kind: LookupKind): boolean {
    return this.#providers[kind] !== undefined;
  }

  /** After how many milliseconds answers may be others; Infinity: never. */
  standsMs(kind: LookupKind): number {
    return this.#providers[kind]?.standsMs ?? Infinity;
  }

  async answer(kind: LookupKind, id: bigint): Promise<Uint8Array | undefined> {
    const name = await this.#providers[kind]?.answer(id);
    return typeof name === 'string' ? Buffer.from(name) : name;
  }
}
