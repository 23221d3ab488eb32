import { growU8, growU32 } from '../../lib/grow.js';
import { packU32, type FrameInit } from '../../wire/frame.js';

type MapRowsInit = Extract<NonNullable<FrameInit['body']>, { case: 'mapRows' }>['value'];

/** Rows there is room for at first: most maps have few that change from read to read. */
const FIRST_ROWS = 256;

/** Bytes of a row beside its key and value: slot, generation, vanished. */
const ROW_BYTES = 9;

/** The columns of one MapRows frame while it is filled. Reused from frame to frame; they grow up to a frame's size as they have to. */
export class RowColumns {
  readonly #maxRows: number;
  /** Rows there is room for now. */
  capacity: number;
  slots: Uint32Array;
  generations: Uint32Array;
  vanished: Uint8Array;
  readonly #keySize: number;
  readonly #keyWords: number;
  /** Keys as words; packed to `#keys` when their size is no multiple of 4. */
  #paddedKeys: Uint32Array;
  #keys: Uint8Array;
  readonly #valueSize: number;
  readonly #valueWords: number;
  /** Values as words; packed to `#packedValues` when their size is no multiple of 4. */
  #values: Uint32Array;
  #packedValues: Uint8Array;
  #vanishedCount = 0;
  count = 0;

  /** `bytes`: what the columns may take together; `maxRows`: and no more than so many rows. */
  constructor(keySize: number, valueSize: number, bytes: number, maxRows = Infinity) {
    this.#maxRows = Math.max(1, Math.min(maxRows, Math.floor(bytes / (keySize + valueSize + ROW_BYTES))));
    this.capacity = Math.min(this.#maxRows, FIRST_ROWS);
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

  /** Whether another row fits; makes room for it when the frame is not full. */
  hasRoom(): boolean {
    if (this.count === this.capacity && this.capacity < this.#maxRows) this.#grow();
    return this.count < this.capacity;
  }

  #grow(): void {
    this.capacity = Math.min(this.#maxRows, this.capacity * 4);
    this.slots = growU32(this.slots, this.capacity);
    this.generations = growU32(this.generations, this.capacity);
    this.vanished = growU8(this.vanished, this.capacity);
    this.#paddedKeys = growU32(this.#paddedKeys, this.capacity * this.#keyWords);
    this.#keys = packedColumn(this.#paddedKeys, this.#keySize, this.capacity);
    this.#values = growU32(this.#values, this.capacity * this.#valueWords);
    this.#packedValues = packedColumn(this.#values, this.#valueSize, this.capacity);
  }

  /** Adds a row, its key as words at `words[offset…]`, its value at `values[from…]`. There must be room. */
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
