import { packU32, type FrameInit } from '../../wire/frame.js';

type MapRowsInit = Extract<NonNullable<FrameInit['body']>, { case: 'mapRows' }>['value'];

/** Bytes of a row beside its key and value: slot, generation, vanished. */
const ROW_BYTES = 9;

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
  readonly #valueSize: number;
  readonly #valueWords: number;
  /** Values as words; packed to `#packedValues` when their size is no multiple of 4. */
  readonly #values: Uint32Array;
  readonly #packedValues: Uint8Array;
  #vanishedCount = 0;
  count = 0;

  /** `bytes`: what the columns may take together; `maxRows`: and no more than so many rows. */
  constructor(keySize: number, valueSize: number, bytes: number, maxRows = Infinity) {
    this.capacity = Math.max(1, Math.min(maxRows, Math.floor(bytes / (keySize + valueSize + ROW_BYTES))));
    this.#keySize = keySize;
    this.#keyWords = (keySize + 3) >>> 2;
    this.slots = new Uint32Array(this.capacity);
    this.generations = new Uint32Array(this.capacity);
    this.vanished = new Uint8Array(this.capacity);
    this.#paddedKeys = new Uint32Array(this.capacity * this.#keyWords);
    this.#keys = packedColumn(this.#paddedKeys, keySize, this.capacity);
    this.#valueSize = valueSize;
    this.#valueWords = (valueSize + 3) >>> 2;
    this.#values = new Uint32Array(this.capacity * this.#valueWords);
    this.#packedValues = packedColumn(this.#values, valueSize, this.capacity);
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  /** Adds a row, its key as words at `words[offset…]`, its value at `values[from…]`. Must not be full. */
  append(
    slot: number,
    generation: number,
    words: Uint32Array,
    offset: number,
    values: Uint32Array,
    from: number,
    vanished: 0 | 1,
  ): void {
    const row = this.count++;
    this.slots[row] = slot;
    this.generations[row] = generation;
    const base = row * this.#keyWords;
    for (let i = 0; i < this.#keyWords; i++) this.#paddedKeys[base + i] = words[offset + i]!;
    const valueWords = this.#valueWords;
    for (let i = 0; i < valueWords; i++) this.#values[row * valueWords + i] = values[from + i]!;
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
    const valueWords = this.#valueWords;
    this.#values.set(values.subarray(from * valueWords, to * valueWords), this.count * valueWords);
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
      keys: packed(this.#paddedKeys, this.#keys, this.#keySize, this.count),
      values: packed(this.#values, this.#packedValues, this.#valueSize, this.count),
      vanished: this.#vanishedCount === 0 ? new Uint8Array() : this.vanished.subarray(0, this.count),
    };
  }
}

/** A column without its padding: a view of the words where there is none. */
function packedColumn(words: Uint32Array, size: number, capacity: number): Uint8Array {
  return size % 4 === 0 ? new Uint8Array(words.buffer) : new Uint8Array(capacity * size);
}

/** Takes the padding to 4 bytes out of the first `count` entries. */
function packed(words: Uint32Array, target: Uint8Array, size: number, count: number): Uint8Array {
  const stride = (size + 3) & ~3;
  if (size !== stride) {
    const padded = new Uint8Array(words.buffer);
    for (let row = 0; row < count; row++) {
      for (let i = 0; i < size; i++) target[row * size + i] = padded[row * stride + i]!;
    }
  }
  return target.subarray(0, count * size);
}
