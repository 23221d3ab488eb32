import { growU32 } from './grow.js';
import { hashWords } from './hash.js';

/** No id: what {@link KeyTable.find} answers for an unknown key. */
export const NONE = 0xffffffff;

/** First word of a record, bit 0: the key can be found. The other bits are the owner's. */
export const ATTACHED = 1;

/**
 * Fixed-size keys → small numbers (ids), by open addressing over typed arrays: no object a key, and one compare when the
 * caller's hint is right. Each id has a record of words: flags, the key, then `extraWords` of the owner's, side by side so
 * that a row costs one cache line and not one for each of its fields. An id stays with its key until `release`; ids of
 * released keys are given out again, with the owner's words as they were.
 */
export class KeyTable {
  readonly keySize: number;
  /** Words of a key in its record: keys are padded with zeros to 4 bytes. */
  readonly keyWords: number;
  /** Words of a record. */
  readonly stride: number;
  /** Where the owner's words begin in a record. */
  readonly extra: number;
  /** Records by id. Replaced by `add` when it grows. */
  records: Uint32Array;
  /** Pairs of hash and id + 1, the latter 0 where free; the number of pairs is a power of two. */
  #index: Uint32Array;
  readonly #free: number[] = [];
  #used = 0;
  #attached = 0;
  /** A key from unaligned or odd-sized bytes, as words. */
  readonly #scratch: Uint32Array;
  readonly #scratchBytes: Uint8Array;

  constructor(keySize: number, extraWords = 0) {
    this.keySize = keySize;
    this.keyWords = (keySize + 3) >>> 2;
    this.extra = 1 + this.keyWords;
    this.stride = this.extra + extraWords;
    this.records = new Uint32Array(64 * this.stride);
    this.#index = new Uint32Array(2 * 128);
    this.#scratch = new Uint32Array(this.keyWords);
    this.#scratchBytes = new Uint8Array(this.#scratch.buffer);
  }

  /** Ids that were ever given out are below this. */
  get limit(): number {
    return this.#used;
  }

  /** Keys that can be found. */
  get size(): number {
    return this.#attached;
  }

  isAttached(id: number): boolean {
    return (this.records[id * this.stride]! & ATTACHED) !== 0;
  }

  /**
   * The keys in `bytes` as words, to pass to `find` and `add` with `row * keyWords`; null when the key size or the alignment
   * does not allow it, and each key must go through {@link load}.
   */
  wordsOf(bytes: Uint8Array): Uint32Array | null {
    if ((this.keySize & 3) !== 0 || (bytes.byteOffset & 3) !== 0) return null;
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
  }

  /** Copies one key into the table's scratch words and returns them: pass them on with offset 0. */
  load(bytes: Uint8Array, offset: number): Uint32Array {
    const scratch = this.#scratchBytes;
    for (let i = 0; i < this.keySize; i++) scratch[i] = bytes[offset + i]!;
    return this.#scratch;
  }

  /** Whether `id` (or NONE) is the key's: the way to try a guess before {@link find}. */
  matches(id: number, words: Uint32Array, offset: number): boolean {
    return id < this.#used && this.isAttached(id) && this.#equal(id, words, offset);
  }

  /** The id of a key, or {@link NONE}. */
  find(words: Uint32Array, offset: number): number {
    const hash = hashWords(words, offset, this.keyWords);
    const index = this.#index;
    const mask = (index.length >>> 1) - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = index[at * 2 + 1]!;
      if (entry === 0) return NONE;
      if (index[at * 2] === hash && this.#equal(entry - 1, words, offset)) return entry - 1;
    }
  }

  /**
   * Guesses the ids of keys `row … row + guesses.length`: hints for `find`. The same look-ups as there, but of many rows at once, so
   * that their cache misses overlap instead of following each other.
   */
  guess(words: Uint32Array, row: number, guesses: Uint32Array): void {
    const { keyWords, stride, records } = this;
    const index = this.#index;
    const mask = (index.length >>> 1) - 1;
    const count = Math.min(guesses.length, Math.floor(words.length / keyWords) - row);
    for (let i = 0; i < count; i++) guesses[i] = hashWords(words, (row + i) * keyWords, keyWords);
    for (let i = 0; i < count; i++) {
      const hash = guesses[i]!;
      let at = hash & mask;
      while (index[at * 2] !== hash && index[at * 2 + 1] !== 0) at = (at + 1) & mask;
      guesses[i] = (index[at * 2 + 1]! - 1) >>> 0;
    }
    let touched = 0;
    for (let i = 0; i < count; i++) if (guesses[i] !== NONE) touched |= records[guesses[i]! * stride]!;
    this.touched = touched;
  }

  /** Keeps the loads of `guess` from being optimised away. */
  protected touched = 0;

  /** Adds a key that is not there and returns its id. */
  add(words: Uint32Array, offset: number): number {
    const id = this.#free.pop() ?? this.#used++;
    const base = id * this.stride;
    if (base >= this.records.length) this.records = growU32(this.records, this.records.length * 2);
    if ((this.#attached + 1) * 4 > this.#index.length) this.#growIndex();
    for (let i = 0; i < this.keyWords; i++) this.records[base + 1 + i] = words[offset + i]!;
    this.records[base] = ATTACHED;
    this.#attached++;
    this.#insert(hashWords(words, offset, this.keyWords), id + 1);
    return id;
  }

  /** The key can no longer be found; its id and record stay until {@link release}. */
  detach(id: number): void {
    if (!this.isAttached(id)) return;
    const base = id * this.stride;
    this.records[base]! &= ~ATTACHED;
    this.#attached--;
    const index = this.#index;
    const mask = (index.length >>> 1) - 1;
    let hole = hashWords(this.records, base + 1, this.keyWords) & mask;
    while (index[hole * 2 + 1] !== id + 1) hole = (hole + 1) & mask;
    // Close the gap: move back every later entry of the chain that may stand in it.
    for (let at = (hole + 1) & mask; index[at * 2 + 1] !== 0; at = (at + 1) & mask) {
      const home = index[at * 2]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      index[hole * 2] = index[at * 2]!;
      index[hole * 2 + 1] = index[at * 2 + 1]!;
      hole = at;
    }
    index[hole * 2 + 1] = 0;
  }

  /** Detaches the key and frees its id for another. */
  release(id: number): void {
    this.detach(id);
    this.#free.push(id);
  }

  /** A key's bytes: a view into its record. */
  key(id: number): Uint8Array {
    return new Uint8Array(this.records.buffer, (id * this.stride + 1) * 4, this.keySize);
  }

  #equal(id: number, words: Uint32Array, offset: number): boolean {
    return sameWords(this.records, id * this.stride + 1, words, offset, this.keyWords);
  }

  #insert(hash: number, entry: number): void {
    const mask = (this.#index.length >>> 1) - 1;
    let at = hash & mask;
    while (this.#index[at * 2 + 1] !== 0) at = (at + 1) & mask;
    this.#index[at * 2] = hash;
    this.#index[at * 2 + 1] = entry;
  }

  #growIndex(): void {
    const old = this.#index;
    this.#index = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.#insert(old[at]!, old[at + 1]!);
  }
}

/** Whether `length` words from `at` in the one are those from `from` in the other. */
export function sameWords(one: Uint32Array, at: number, other: Uint32Array, from: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (one[at + i] !== other[from + i]) return false;
  return true;
}
