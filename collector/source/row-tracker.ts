import { ATTACHED, KeyTable, NONE, sameWords } from '../../lib/key-table.js';
import type { RowColumns } from './row-columns.js';

/** A number within a value, by bytes. */
export interface RisingMember {
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

export interface RowTrackerOptions {
  readonly keySize: number;
  readonly valueSize: number;
  /**
   * Where the kernel can take rows away (hash maps): numbers that only rise. When one is lower than before, it is another row
   * under the same key, which began again from nothing between two reads.
   */
  readonly rising: readonly RisingMember[];
  /** Called for the key of each row that is new, before it is put into columns. */
  readonly onNewKey?: (keys: Uint8Array, offset: number) => void;
  /** Rows that may wait for an acknowledgement after they vanished; beyond, the oldest are given up and counted. */
  readonly maxVanished: number;
}

/** What the addon read of a map: `count` keys and values back to back. */
export interface MapRead {
  readonly count: number;
  readonly keys: Uint8Array;
  /** Values as words, each padded to 4 bytes. */
  readonly values: Uint32Array;
}

/** The owner's words in a row's record of the key table. */
const GENERATION = 0;
/** Number of the read that saw it last. */
const SEEN = 1;
/** Slot + 1 of the row that followed it in the last read: most likely it will again. */
const FOLLOWER = 2;
/** The value's words. */
const VALUE = 3;
/** Rows whose slots are guessed together. */
const BLOCK_ROWS = 64;

/** Flag of a record: holds a value that no acknowledged frame carried. */
const DIRTY = 2;

/**
 * Remembers the rows of one map between reads, so that only what changed since the last acknowledged frame is sent, and so
 * that a row that vanished or began again is noticed: the value it had is sent (and sent again) until acknowledged, under a
 * slot and generation of its own.
 */
export class RowTracker {
  readonly #options: RowTrackerOptions;
  readonly #table: KeyTable;
  readonly #valueWords: number;
  #sweep = 0;
  /** Slot of the row taken last, and of the one that is likely next. */
  #last = NONE;
  #hint = NONE;
  /** Of the current block of rows: slots by their hash. */
  readonly #guesses = new Uint32Array(BLOCK_ROWS);
  /** Slot of the first row of the last read. */
  #first = NONE;
  /** Slots of rows that are gone but not acknowledged. */
  readonly #vanished = new Set<number>();
  /** Rows given up beyond `maxVanished`, with what they had counted since the last acknowledged frame. */
  abandoned = 0;
  /** Rows that were found to have begun again: evicted (or deleted) and taken anew between two reads. */
  restarted = 0;

  constructor(options: RowTrackerOptions) {
    this.#options = options;
    this.#valueWords = (options.valueSize + 3) >>> 2;
    this.#table = new KeyTable(options.keySize, VALUE + this.#valueWords);
  }

  /** Rows in the map at the last read. */
  get size(): number {
    return this.#table.size;
  }

  beginSweep(): void {
    this.#sweep = (this.#sweep + 1) >>> 0 || 1;
    this.#last = NONE;
    this.#hint = this.#first;
  }

  /**
   * Takes rows from `row` on, until all are taken or there is no room left in `columns`, and returns the next row. Those that are to be sent are
   * appended to `columns`: all with `keyframe`, else those that hold what no acknowledged frame carried.
   */
  take(read: MapRead, row: number, keyframe: boolean, columns: RowColumns): number {
    const words = this.#table.wordsOf(read.keys);
    // As many rows as there is room for: each may have to be sent.
    const end = Math.min(read.count, row + columns.capacity - columns.count);
    while (row < end) {
      if (words !== null) row = this.#takeExpected(words, read.values, row, end, keyframe, columns);
      row = this.#takeAny(read, words, row, Math.min(row + BLOCK_ROWS, end), keyframe, columns);
    }
    return row;
  }

  /** Takes rows as long as each is the one that followed in the last read, and has not begun again; returns the next row. */
  #takeExpected(
    words: Uint32Array,
    values: Uint32Array,
    row: number,
    end: number,
    keyframe: boolean,
    columns: RowColumns,
  ): number {
    const { records, stride, extra, keyWords } = this.#table;
    const { slots, generations } = columns;
    const valueWords = this.#valueWords;
    const sweep = this.#sweep;
    let slot = this.#hint;
    let last = this.#last;
    // Rows from here on are to be sent, one after the other.
    let run = row;
    // The column of a row is its number and this.
    let shift = columns.count - run;
    for (; row < end && slot !== NONE; row++) {
      const base = slot * stride;
      const flags = records[base]!;
      if ((flags & ATTACHED) === 0 || !sameWords(records, base + 1, words, row * keyWords, keyWords)) break;
      const own = base + extra;
      const from = row * valueWords;
      const isNew = !sameWords(records, own + VALUE, values, from, valueWords);
      if (isNew) {
        if (this.#hasFallen(own + VALUE, values, from)) break;
        for (let i = 0; i < valueWords; i++) records[own + VALUE + i] = values[from + i]!;
        records[base] = flags | DIRTY;
      }
      records[own + SEEN] = sweep;
      if (isNew || keyframe || (flags & DIRTY) !== 0) {
        slots[row + shift] = slot;
        generations[row + shift] = records[own + GENERATION]!;
      } else {
        if (row > run) columns.appendRun(words, values, run, row);
        run = row + 1;
        shift = columns.count - run;
      }
      last = slot;
      slot = (records[own + FOLLOWER]! - 1) >>> 0;
    }
    if (row > run) columns.appendRun(words, values, run, row);
    this.#hint = slot;
    this.#last = last;
    return row;
  }

  /** Takes rows in whatever order they come. */
  #takeAny(
    { keys, values }: MapRead,
    words: Uint32Array | null,
    row: number,
    end: number,
    keyframe: boolean,
    columns: RowColumns,
  ): number {
    const table = this.#table;
    const { keySize, onNewKey } = this.#options;
    const valueWords = this.#valueWords;
    const block = row;
    if (words !== null) table.guess(words, row, this.#guesses.subarray(0, end - row));
    for (; row < end; row++) {
      const source = words ?? table.load(keys, row * keySize);
      const offset = words === null ? 0 : row * table.keyWords;
      const from = row * valueWords;
      let slot = words === null ? this.#hint : this.#guesses[row - block]!;
      if (!table.matches(slot, source, offset)) slot = table.find(source, offset);
      if (slot === NONE || !this.#update(slot, values, from)) {
        onNewKey?.(keys, row * keySize);
        slot = this.#add(source, offset, values, from);
      }
      this.#follow(slot);
      const base = slot * table.stride;
      if (keyframe || (table.records[base]! & DIRTY) !== 0) {
        columns.append(slot, table.records[base + table.extra + GENERATION]!, source, offset, values, from, 0);
      }
    }
    return row;
  }

  /** Ends a read: rows that were not seen have vanished. */
  endSweep(): void {
    const { limit, stride, extra, records } = this.#table;
    for (let slot = 0; slot < limit; slot++) {
      if (records[slot * stride + extra + SEEN] !== this.#sweep && this.#table.isAttached(slot)) this.#vanish(slot);
    }
  }

  /** Slots of vanished rows that no acknowledged frame has carried yet. */
  vanished(): Iterable<number> {
    return this.#vanished;
  }

  /** Appends the last value of a vanished row. */
  appendVanished(slot: number, columns: RowColumns): void {
    const { records, stride, extra } = this.#table;
    const base = slot * stride + extra;
    columns.append(slot, records[base + GENERATION]!, records, slot * stride + 1, records, base + VALUE, 1);
  }

  /** The bus has taken responsibility for the rows in `columns`. */
  acknowledge(columns: RowColumns): void {
    const { records, stride } = this.#table;
    for (let row = 0; row < columns.count; row++) {
      const slot = columns.slots[row]!;
      records[slot * stride]! &= ~DIRTY;
      if (columns.vanished[row] !== 1) continue;
      this.#vanished.delete(slot);
      this.#table.release(slot);
    }
  }

  /** Takes a row's value; false when the row began again, and what it was has vanished. */
  #update(slot: number, values: Uint32Array, from: number): boolean {
    const { records, stride, extra } = this.#table;
    const valueWords = this.#valueWords;
    const base = slot * stride + extra;
    if (!sameWords(records, base + VALUE, values, from, valueWords)) {
      if (this.#hasFallen(base + VALUE, values, from)) {
        this.restarted++;
        this.#vanish(slot);
        return false;
      }
      for (let i = 0; i < valueWords; i++) records[base + VALUE + i] = values[from + i]!;
      records[slot * stride]! |= DIRTY;
    }
    records[base + SEEN] = this.#sweep;
    return true;
  }

  /** Whether a number that only rises is lower in a value that was read than in the one at `at` of the records. */
  #hasFallen(at: number, values: Uint32Array, from: number): boolean {
    const { records } = this.#table;
    const { rising } = this.#options;
    for (let i = 0; i < rising.length; i++) if (isLower(values, from, records, at, rising[i]!)) return true;
    return false;
  }

  #add(source: Uint32Array, offset: number, values: Uint32Array, from: number): number {
    const slot = this.#table.add(source, offset);
    const { records, stride, extra } = this.#table;
    const base = slot * stride + extra;
    records[slot * stride]! |= DIRTY;
    for (let i = 0; i < this.#valueWords; i++) records[base + VALUE + i] = values[from + i]!;
    records[base + GENERATION]!++;
    records[base + SEEN] = this.#sweep;
    records[base + FOLLOWER] = this.#hint === NONE ? 0 : this.#hint + 1;
    return slot;
  }

  /** Notes that `slot` followed the row before it, and looks up which row followed it. */
  #follow(slot: number): void {
    const { records, stride, extra } = this.#table;
    if (slot !== this.#hint) {
      if (this.#last === NONE) this.#first = slot;
      else records[this.#last * stride + extra + FOLLOWER] = slot + 1;
    }
    this.#last = slot;
    this.#hint = (records[slot * stride + extra + FOLLOWER]! - 1) >>> 0;
  }

  #vanish(slot: number): void {
    this.#table.detach(slot);
    this.#vanished.add(slot);
    if (this.#vanished.size <= this.#options.maxVanished) return;
    const oldest = this.#vanished.values().next().value!;
    this.#vanished.delete(oldest);
    this.#table.release(oldest);
    this.abandoned++;
  }
}

/** Whether a number is lower in the value at `one[at…]` than in the one at `other[from…]`. */
function isLower(
  one: Uint32Array,
  at: number,
  other: Uint32Array,
  from: number,
  { offset, size, signed }: RisingMember,
): boolean {
  if ((offset & 3) === 0 && size >= 4) {
    const low = offset >>> 2;
    let word = (offset + size - 4) >>> 2;
    const sign = signed ? 0x80000000 : 0;
    const mine = (one[at + word]! ^ sign) >>> 0;
    const theirs = (other[from + word]! ^ sign) >>> 0;
    if (mine !== theirs || word-- === low) return mine < theirs;
    return one[at + word]! < other[from + word]!;
  }
  const last = offset + size - 1;
  // From the highest byte down: what is small or packed does not keep to words.
  for (let byte = last; byte >= offset; byte--) {
    const sign = signed && byte === last ? 0x80 : 0;
    const mine = byteAt(one, at, byte) ^ sign;
    const theirs = byteAt(other, from, byte) ^ sign;
    if (mine !== theirs) return mine < theirs;
  }
  return false;
}

function byteAt(words: Uint32Array, at: number, byte: number): number {
  return (words[at + (byte >>> 2)]! >>> ((byte & 3) * 8)) & 0xff;
}
