import { growU32, growU8 } from '../../lib/grow.js';
import { hashBytes } from '../../lib/hash.js';

/**
 * Label texts (`a="x",b="y"`, as they stand in the exposition) → series numbers 0…n-1, by open addressing over typed
 * arrays. The texts lie in one arena, in order of number: they are the series' identity and its output at once.
 */
export class LabelTable {
  #arena = new Uint8Array(1024);
  /** Where each text starts; one entry more than there are series. */
  #starts = new Uint32Array(65);
  #hashes = new Uint32Array(64);
  /** number + 1, or 0 where free. */
  #index = new Uint32Array(128);
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** The texts, and where each starts: number n is `arena[starts[n]] … arena[starts[n + 1] - 1]`. */
  get arena(): Uint8Array {
    return this.#arena;
  }

  get starts(): Uint32Array {
    return this.#starts;
  }

  /** A text's bytes: a view. */
  bytes(number: number): Uint8Array {
    return this.#arena.subarray(this.#starts[number], this.#starts[number + 1]);
  }

  text(number: number): string {
    return Buffer.from(this.bytes(number)).toString();
  }

  /** The number of the text in `bytes[0..length)`, or -1. */
  find(bytes: Uint8Array, length: number): number {
    const hash = hashBytes(bytes, 0, length);
    const mask = this.#index.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = this.#index[at]!;
      if (entry === 0) return -1;
      if (this.#hashes[entry - 1] === hash && this.#equal(entry - 1, bytes, length)) return entry - 1;
    }
  }

  /** Adds a text that is not there, and returns its number. */
  add(bytes: Uint8Array, length: number): number {
    const number = this.#count;
    const start = this.#starts[number]!;
    if (number >= this.#hashes.length) this.#growNumbers();
    if (start + length > this.#arena.length) this.#arena = growU8(this.#arena, (start + length) * 2);
    if ((number + 1) * 2 > this.#index.length) this.#growIndex();
    this.#arena.set(bytes.subarray(0, length), start);
    this.#starts[number + 1] = start + length;
    this.#hashes[number] = hashBytes(bytes, 0, length);
    this.#count++;
    this.#insert(number);
    return number;
  }

  /** Makes the table one of these texts: as `arena` and `starts` were. The table must be empty. Throws RangeError when they do not fit. */
  restore(arena: Uint8Array, starts: Uint32Array): void {
    for (let number = 0; number + 1 < starts.length; number++) {
      const start = starts[number]!;
      const end = starts[number + 1]!;
      if (end < start || end > arena.length) throw new RangeError(`label text ${number} is outside of the arena`);
      const text = arena.subarray(start, end);
      this.add(text, text.length);
    }
  }

  #equal(number: number, bytes: Uint8Array, length: number): boolean {
    const start = this.#starts[number]!;
    if (this.#starts[number + 1]! - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#arena[start + i] !== bytes[i]) return false;
    return true;
  }

  #insert(number: number): void {
    const mask = this.#index.length - 1;
    let at = this.#hashes[number]! & mask;
    while (this.#index[at] !== 0) at = (at + 1) & mask;
    this.#index[at] = number + 1;
  }

  #growNumbers(): void {
    const capacity = this.#hashes.length * 2;
    this.#hashes = growU32(this.#hashes, capacity);
    this.#starts = growU32(this.#starts, capacity + 1);
  }

  #growIndex(): void {
    this.#index = new Uint32Array(this.#index.length * 2);
    for (let number = 0; number < this.#count; number++) this.#insert(number);
  }
}
