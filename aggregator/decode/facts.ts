/** Kinds of questions there may be: more than there are decoders. */
const MAX_KINDS = 64;

/** What Lookup frames told of one host: answers by kind (the decoder's name) and number. */
export class Facts {
  readonly #kinds = new Map<string, Map<bigint, Uint8Array>>();
  readonly #limit: number;
  /** Facts that were dropped to stay within the limit. */
  evicted = 0;
  /** Questions that had no answer. */
  misses = 0;
  /** Raised whenever an answer that may have been used is another now, or gone. */
  revision = 0;

  /** `limit`: facts kept of each kind; the oldest go first. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  set(kind: string, id: bigint, name: Uint8Array): void {
    let facts = this.#kinds.get(kind);
    if (facts === undefined) {
      if (this.#kinds.size >= MAX_KINDS) {
        this.evicted++;
        return;
      }
      this.#kinds.set(kind, (facts = new Map<bigint, Uint8Array>()));
    }
    const before = facts.get(id);
    if (before !== undefined && Buffer.compare(before, name) !== 0) this.revision++;
    facts.delete(id);
    facts.set(id, name);
    if (facts.size <= this.#limit) return;
    facts.delete(facts.keys().next().value!);
    this.evicted++;
    this.revision++;
  }

  /** All answers, oldest first. */
  entries(): Iterable<readonly [kind: string, answers: ReadonlyMap<bigint, Uint8Array>]> {
    return this.#kinds;
  }

  get(kind: string, id: bigint): Uint8Array | undefined {
    const answer = this.#kinds.get(kind)?.get(id);
    if (answer === undefined) this.misses++;
    return answer;
  }
}
