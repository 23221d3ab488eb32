import type { Facts } from '../decode/facts.js';

/** A row's labels lack a fact. */
const LACKS = 1;
/** A row is to be decoded again when it comes. */
const DUE = 2;

/**
 * Rows of one map, by slot, whose labels the host's facts may yet change: a row that lacked a fact is decoded again when one of its kind has
 * been told, and every row when an answer has become another. What a row has counted before stays where it was counted.
 */
export class UnsettledRows {
  readonly #kinds: readonly string[];
  #flags = new Uint8Array(64);
  /** Of the facts when it last was their turn. */
  #added = 0;
  #changed = 0;

  /** `kinds`: of the facts that decide the labels. */
  constructor(kinds: readonly string[]) {
    this.#kinds = kinds;
  }

  /** Takes notice of what the host has told meanwhile; before rows are decoded or saved. */
  heed(facts: Facts): void {
    const added = facts.addedOf(this.#kinds);
    const changed = facts.changedOf(this.#kinds);
    const flags = this.#flags;
    if (changed !== this.#changed) flags.forEach((flag, slot) => (flags[slot] = flag | DUE));
    else if (added !== this.#added) flags.forEach((flag, slot) => flag === LACKS && (flags[slot] = LACKS | DUE));
    this.#added = added;
    this.#changed = changed;
  }

  isDue(slot: number): boolean {
    return (this.#flags[slot]! & DUE) !== 0;
  }

  /** A row has been decoded. */
  decoded(slot: number, lacksFact: boolean): void {
    if (slot >= this.#flags.length) {
      const grown = new Uint8Array(Math.max(slot + 1, this.#flags.length * 2));
      grown.set(this.#flags);
      this.#flags = grown;
    }
    this.#flags[slot] = lacksFact ? LACKS : 0;
  }

  /** A byte a slot: a view, without those at the end that say nothing. */
  save(facts: Facts): Uint8Array {
    this.heed(facts);
    let used = this.#flags.length;
    while (used > 0 && this.#flags[used - 1] === 0) used--;
    return this.#flags.subarray(0, used);
  }

  /** Makes this one, which knows no rows yet, what `save` has told. `slots`: how many rows have had. */
  restore(flags: Uint8Array, slots: number, facts: Facts): void {
    this.#flags = new Uint8Array(Math.max(slots, flags.length, this.#flags.length));
    this.#flags.set(flags);
    this.#added = facts.addedOf(this.#kinds);
    this.#changed = facts.changedOf(this.#kinds);
  }
}
