/** Kinds of questions there may be: more than there are decoders. */
const MAX_KINDS = 64;

/** The answers to one kind of questions. */
interface Answers {
  readonly byId: Map<bigint, Uint8Array>;
  /** How many questions have got their first answer. */
  added: number;
  /** How often an answer that may have been used has become another, or is gone. */
  changed: number;
}

/** What Lookup frames told of one host: answers by kind (the decoder's name) and number. */
export class Facts {
  readonly #kinds = new Map<string, Answers>();
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
    let answers = this.#kinds.get(kind);
    if (answers === undefined) {
      if (this.#kinds.size >= MAX_KINDS) {
        this.evicted++;
        return;
      }
      this.#kinds.set(kind, (answers = { byId: new Map(), added: 0, changed: 0 }));
    }
    const { byId } = answers;
    const before = byId.get(id);
    if (before === undefined) answers.added++;
    else if (Buffer.compare(before, name) !== 0) this.#change(answers);
    byId.delete(id);
    byId.set(id, name);
    if (byId.size <= this.#limit) return;
    byId.delete(byId.keys().next().value!);
    this.evicted++;
    this.#change(answers);
  }

  /** All answers, oldest first. */
  *entries(): Generator<readonly [kind: string, answers: ReadonlyMap<bigint, Uint8Array>]> {
    for (const [kind, { byId }] of this.#kinds) yield [kind, byId];
  }

  get(kind: string, id: bigint): Uint8Array | undefined {
    const answer = this.#kinds.get(kind)?.byId.get(id);
    if (answer === undefined) this.misses++;
    return answer;
  }

  /** How many questions of these kinds have got their first answer. */
  addedOf(kinds: readonly string[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#kinds.get(kind)?.added ?? 0), 0);
  }

  /** How often an answer of these kinds that may have been used has become another, or is gone. */
  changedOf(kinds: readonly string[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#kinds.get(kind)?.changed ?? 0), 0);
  }

  #change(answers: Answers): void {
    answers.changed++;
    this.revision++;
  }
}
