import { packU32, type FrameInit } from '../../wire/frame.js';

type MapRowsInit = Extract<NonNullable<FrameInit['body']>, { case: 'mapRows' }>['value'];

/** The columns of one MapRows frame while it is filled. Reused from frame to frame. */
export class RowColumns {
  readonly capacity: number;
  readonly slots: Uint32Array;
  readonly generations: Uint32Array;
  readonly vanished: Uint8Array;
  readonly #keySize: number;
  readonly #keyWords: number;
  /** Keys as words; packed to `#keys` when their size is no multiple of 4. */
  readonly #paddedKeys: Uint32Array;
  readonly #keys: Uint8Array;
  readonly #values: Uint32Array;
  #vanishedCount = 0;
  count = 0;

  /** `bytes`: what the columns may take together; `maxRows`: and no more than so many rows. */
  constructor(keySize: number, bytes: number, maxRows = Infinity) {
    this.capacity = Math.max(1, Math.min(maxRows, Math.floor(bytes / (keySize + 17))));
    this.#keySize = keySize;
    this.#keyWords = (keySize + 3) >>> 2;
    this.slots = new Uint32Array(this.capacity);
    this.generations = new Uint32Array(this.capacity);
    this.vanished = new Uint8Array(this.capacity);
    this.#paddedKeys = new Uint32Array(this.capacity * this.#keyWords);
    const isPacked = keySize === this.#keyWords * 4;
    this.#keys = isPacked ? new Uint8Array(this.#paddedKeys.buffer) : new Uint8Array(this.capacity * keySize);
    this.#values = new Uint32Array(this.capacity * 2);
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  /** Adds a row, its key as words at `words[offset…]`. Must not be full. */
  append(
    slot: number,
    generation: number,
    words: Uint32Array,
    offset: number,
    lo: number,
    hi: number,
    vanished: 0 | 1,
  ): void {
    const row = this.count++;
    this.slots[row] = slot;
    this.generations[row] = generation;
    const base = row * this.#keyWords;
    for (let i = 0; i < this.#keyWords; i++) this.#paddedKeys[base + i] = words[offset + i]!;
    this.#values[row * 2] = lo;
    this.#values[row * 2 + 1] = hi;
    this.vanished[row] = vanished;
    this.#vanishedCount += vanished;
  }

  /**
   * Adds the rows `from … to - 1` of a read, whose slots and generations the caller has put into the columns behind `count`.
   * The keys' size must be a multiple of 4.
   */
  appendRun(words: Uint32Array, values: Uint32Array, from: number, to: number): void {
    const length = to - from;
    this.#paddedKeys.set(words.subarray(from * this.#keyWords, to * this.#keyWords), this.count * this.#keyWords);
    this.#values.set(values.subarray(from * 2, to * 2), this.count * 2);
    this.vanished.fill(0, this.count, this.count + length);
    this.count += length;
  }

  clear(): void {
    this.count = 0;
    this.#vanishedCount = 0;
  }

  /** The columns as the frame has them: views, to be encoded before the next `append`. */
  message(): Required<Pick<MapRowsInit, 'slots' | 'generations' | 'keys' | 'values' | 'vanished'>> {
    return {
      slots: packU32(this.slots.subarray(0, this.count)),
      generations: packU32(this.generations.subarray(0, this.count)),
      keys: this.#packedKeys(),
      values: packU32(this.#values.subarray(0, this.count * 2)),
      vanished: this.#vanishedCount === 0 ? new Uint8Array() : this.vanished.subarray(0, this.count),
    };
  }

  #packedKeys(): Uint8Array {
    const size = this.#keySize;
    if (size !== this.#keyWords * 4) {
      const padded = new Uint8Array(this.#paddedKeys.buffer);
      for (let row = 0; row < this.count; row++) {
        for (let i = 0; i < size; i++) this.#keys[row * size + i] = padded[row * this.#keyWords * 4 + i]!;
      }
    }
    return this.#keys.subarray(0, this.count * size);
  }
}
