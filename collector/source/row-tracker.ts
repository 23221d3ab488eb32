import { ATTACHED, KeyTable, NONE, sameWords } from '../../lib/key-table.js';
import type { RowColumns } from './row-columns.js';

export interface RowTrackerOptions {
  readonly keySize: number;
  /**
   * The kernel can take rows away (hash maps), and values only rise: one that is lower than before is another row under the
   * same key, which began again from nothing between two reads.
   */
  readonly restartsWhenLower: boolean;
  /** Called for the key of each row that is new, before it is put into columns. */
  readonly onNewKey?: (keys: Uint8Array, offset: number) => void;
  /** Rows that may wait for an acknowledgement after they vanished; beyond, the oldest are given up and counted. */
  readonly maxVanished: number;
}

/** What the addon read of a map: `count` keys and values back to back. */
export interface MapRead {
  readonly count: number;
  readonly keys: Uint8Array;
  /** u64 values as pairs of words, low one first. */
  readonly values: Uint32Array;
}

/** The owner's words in a row's record of the key table. */
const LO = 0;
const HI = 1;
const GENERATION = 2;
/** Number of the read that saw it last. */
const SEEN = 3;
/** Slot + 1 of the row that followed it in the last read: most likely it will again. */
const FOLLOWER = 4;
const EXTRA_WORDS = 5;
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
    this.#table = new KeyTable(options.keySize, EXTRA_WORDS);
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
   * Takes rows from `row` on, until all are taken or `columns` is full, and returns the next row. Those that are to be sent are
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
    const { restartsWhenLower } = this.#options;
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
      const lo = values[row * 2]!;
      const hi = values[row * 2 + 1]!;
      const oldLo = records[own + LO]!;
      const oldHi = records[own + HI]!;
      const isNew = lo !== oldLo || hi !== oldHi;
      if (isNew) {
        if (restartsWhenLower && (hi < oldHi || (hi === oldHi && lo < oldLo))) break;
        records[own + LO] = lo;
        records[own + HI] = hi;
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
    const block = row;
    if (words !== null) table.guess(words, row, this.#guesses.subarray(0, end - row));
    for (; row < end; row++) {
      const source = words ?? table.load(keys, row * keySize);
      const offset = words === null ? 0 : row * table.keyWords;
      const lo = values[row * 2]!;
      const hi = values[row * 2 + 1]!;
      let slot = words === null ? this.#hint : this.#guesses[row - block]!;
      if (!table.matches(slot, source, offset)) slot = table.find(source, offset);
      if (slot === NONE || !this.#update(slot, lo, hi)) {
        onNewKey?.(keys, row * keySize);
        slot = this.#add(source, offset, lo, hi);
      }
      this.#follow(slot);
      const base = slot * table.stride;
      if (keyframe || (table.records[base]! & DIRTY) !== 0) {
        columns.append(slot, table.records[base + table.extra + GENERATION]!, source, offset, lo, hi, 0);
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
    columns.append(
      slot,
      records[base + GENERATION]!,
      records,
      slot * stride + 1,
      records[base + LO]!,
      records[base + HI]!,
      1,
    );
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
  #update(slot: number, lo: number, hi: number): boolean {
    const { records, stride, extra } = this.#table;
    const base = slot * stride + extra;
    const oldLo = records[base + LO]!;
    const oldHi = records[base + HI]!;
    if (lo !== oldLo || hi !== oldHi) {
      if (this.#options.restartsWhenLower && (hi < oldHi || (hi === oldHi && lo < oldLo))) {
        this.restarted++;
        this.#vanish(slot);
        return false;
      }
      records[base + LO] = lo;
      records[base + HI] = hi;
      records[slot * stride]! |= DIRTY;
    }
    records[base + SEEN] = this.#sweep;
    return true;
  }

  #add(source: Uint32Array, offset: number, lo: number, hi: number): number {
    const slot = this.#table.add(source, offset);
    const { records, stride, extra } = this.#table;
    const base = slot * stride + extra;
    records[slot * stride]! |= DIRTY;
    records[base + LO] = lo;
    records[base + HI] = hi;
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
