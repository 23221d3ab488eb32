import { KeyTable, NONE } from '../../lib/key-table.js';
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
  /** Of the current block of rows: slots by their hash, used as hints when the order is no longer that of the last read. */
  readonly #guesses = new Uint32Array(BLOCK_ROWS);
  /** Wrong hints in the current block. */
  #wrongHints = 0;
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
    const { keys, values, count } = read;
    const { keySize } = this.#options;
    const table = this.#table;
    const { keyWords, stride, extra } = table;
    const words = table.wordsOf(keys);
    const guesses = this.#guesses;
    let isGuessing = false;
    let block = -BLOCK_ROWS;
    for (; row < count && !columns.full; row++) {
      if (row - block >= BLOCK_ROWS) {
        block = row;
        isGuessing = words !== null && this.#wrongHints > BLOCK_ROWS / 4;
        this.#wrongHints = 0;
        if (isGuessing) table.guess(words!, row, guesses);
      }
      const source = words ?? table.load(keys, row * keySize);
      const offset = words === null ? 0 : row * keyWords;
      const lo = values[row * 2]!;
      const hi = values[row * 2 + 1]!;
      let slot = isGuessing ? guesses[row - block]! : this.#hint;
      if (!table.matches(slot, source, offset)) slot = table.find(source, offset);
      if (slot === NONE || !this.#update(slot, lo, hi)) {
        this.#options.onNewKey?.(keys, row * keySize);
        slot = this.#add(source, offset, lo, hi);
      }
      if (slot !== this.#hint) this.#relink(slot);
      const { records } = table;
      const base = slot * stride;
      this.#last = slot;
      this.#hint = (records[base + extra + FOLLOWER]! - 1) >>> 0;
      if (keyframe || (records[base]! & DIRTY) !== 0) {
        columns.append(slot, records[base + extra + GENERATION]!, source, offset, lo, hi, 0);
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

  /** The row after `#last` was not the one expected: notes which it was. */
  #relink(slot: number): void {
    this.#wrongHints++;
    const { records, stride, extra } = this.#table;
    if (this.#last === NONE) this.#first = slot;
    else records[this.#last * stride + extra + FOLLOWER] = slot + 1;
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
