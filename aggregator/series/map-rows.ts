import { growU32 } from '../../lib/grow.js';
import { SondeError } from '../../wire/errors.js';
import { DecodeError, type DecodeContext } from '../decode/decoder.js';
import type { Facts } from '../decode/facts.js';
import { WHOLE_U64, type ValueField } from '../../wire/layout/value.js';
import { asBytes } from '../state/saved.js';
import type { Family } from './family.js';
import { NO_CELL, type RowDecoder } from './row-decoder.js';
import { RowExtremes } from './row-extremes.js';
import { RowNumbers } from './row-numbers.js';
import { UnsettledRows } from './unsettled-rows.js';

/** The columns of a MapRows frame, unpacked and checked against the map's shape. */
export interface RowColumns {
  readonly count: number;
  readonly slots: Uint32Array;
  readonly generations: Uint32Array;
  readonly keys: Uint8Array;
  readonly keySize: number;
  /** Packed values, each of `valueSize` bytes. */
  readonly values: Uint8Array;
  readonly valueSize: number;
  /** One byte a row: 1 when it has vanished, and this is its last value. Empty: none has. */
  readonly vanished: Uint8Array;
}

/** Slots that any map may have. */
const MAX_SLOTS = 2 ** 24;
/**
 * Slots for each of a map's max_entries: those of the last read, those of this one when every key is another, and as many that
 * vanished and are not acknowledged; the rest is room for maps that the kernel makes larger than asked. Small maps have room
 * for this many slots all the same.
 */
const SLOTS_PER_ENTRY = 8;
const LEAST_SLOTS = 65_536;

/** Rows that are touched together, a power of two. */
const BLOCK_ROWS = 64;

/** Words of a slot's record: its generation (0: never seen), the value it counted last, and the cell it counts in. */
const STRIDE = 4;

/**
 * One map of one load of one config on one host: what each of its rows counted last, so that a later frame adds only the
 * difference to the series. A row with a new generation counts from 0 again, and what the old one counted stays; in a gauge it goes
 * with the row.
 */
export class MapRowsState {
  readonly #decoder: RowDecoder;
  readonly #numbers: RowNumbers;
  /** A counter or a histogram cannot take what is below 0. */
  readonly #refusesNegative: boolean;
  /** What a row has is in its series only as long as the row is there. */
  readonly #isGauge: boolean;
  /** Of a gauge whose rows are not added up. */
  readonly #extremes: RowExtremes | null;
  /** Slots that the map may have. */
  readonly #slots: number;
  /** By slot: generation, low and high word of the value, cell. */
  #records = new Uint32Array(64 * STRIDE);
  /** Null where no facts decide the labels. */
  readonly #unsettled: UnsettledRows | null;
  /** Keys that could not be decoded, and values that the metric cannot take. */
  decodeErrors = 0;

  /**
   * @param maxEntries of the map.
   * @param value where the metric's number is in a row's value.
   */
  constructor(decoder: RowDecoder, maxEntries = MAX_SLOTS, value: ValueField = WHOLE_U64) {
    this.#decoder = decoder;
    this.#unsettled = decoder.factKinds.length > 0 ? new UnsettledRows(decoder.factKinds) : null;
    this.#numbers = new RowNumbers(value);
    const { type, aggregate } = decoder.family.definition;
    this.#isGauge = type === 'gauge';
    this.#refusesNegative = value.signed && !this.#isGauge;
    this.#extremes = aggregate === undefined ? null : new RowExtremes(decoder.family, aggregate);
    this.#slots = Math.min(MAX_SLOTS, Math.max(LEAST_SLOTS, maxEntries * SLOTS_PER_ENTRY));
  }

  /**
   * Applies a frame's rows. Applying the same frame again changes nothing.
   * Throws a SondeError `FRAME_LIMIT` when a slot is higher than such a map can have: rows before it are applied.
   */
  apply(rows: RowColumns, context: DecodeContext): void {
    const { slots, generations } = rows;
    const values = this.#numbers.of(rows, context.littleEndian);
    const { cells } = this.#decoder.family;
    const unsettled = this.#unsettled;
    unsettled?.heed(context.facts);
    let records: Uint32Array = this.#records;
    for (let row = 0; row < rows.count; row++) {
      if ((row & (BLOCK_ROWS - 1)) === 0 && slots[row + 1] !== slots[row]! + 1) this.#touch(slots, row);
      const base = slots[row]! * STRIDE;
      if (base >= records.length) records = this.#reserve(slots[row]!);
      const generation = generations[row]!;
      // A gauge of 0 is a value, too.
      let isNew = false;
      if (generation !== records[base]) {
        if (generation < records[base]!) continue;
        this.#release(base);
        records[base] = generation;
        records[base + 1] = 0;
        records[base + 2] = 0;
        records[base + 3] = this.#decode(rows, row, context);
        isNew = this.#isGauge;
      } else if (unsettled?.isDue(slots[row]!) === true) {
        this.#decodeAgain(rows, row, context);
        isNew = this.#isGauge;
      }
      const lo = values[row * 2]!;
      const hi = values[row * 2 + 1]!;
      const oldLo = records[base + 1]!;
      const oldHi = records[base + 2]!;
      if (lo === oldLo && hi === oldHi && !isNew) continue;
      if (this.#refusesNegative && hi >= 0x80000000) {
        this.decodeErrors++;
        continue;
      }
      records[base + 1] = lo;
      records[base + 2] = hi;
      const cell = records[base + 3]!;
      if (cell === NO_CELL) continue;
      if (this.#extremes === null) cells.addDifference(cell, lo, hi, oldLo, oldHi);
      else this.#extremes.put(cell, lo, hi, oldLo, oldHi);
    }
    if (rows.vanished.length > 0) this.#vanish(rows);
  }

  /** What becomes of the row with this key, for people: `metric{labels}`, or why it is not counted. */
  describe(keys: Uint8Array, offset: number, context: DecodeContext): string {
    const { name } = this.family.definition;
    try {
      const labels = this.#decoder.describe(keys, offset, context);
      return labels === null ? `${name} (skipped by a decoder)` : `${name}{${labels}}`;
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof RangeError)) throw error;
      return `${name} (${error.message})`;
    }
  }

  /** The load is over: its rows are no longer in any map. */
  close(): void {
    for (let base = 0; base < this.#records.length; base += STRIDE) this.#release(base);
  }

  /** The family's series have new numbers, {@link GONE} where they ended, which none does that a row counts in. */
  renumber(numbers: Uint32Array): void {
    const { stride } = this.family;
    const records = this.#records;
    for (let base = 0; base < records.length; base += STRIDE) {
      const cell = records[base + 3]!;
      if (records[base] === 0 || cell === NO_CELL) continue;
      const series = Math.floor(cell / stride);
      records[base + 3] = cell + (numbers[series]! - series) * stride;
    }
  }

  get family(): Family {
    return this.#decoder.family;
  }

  /** Takes the numbers of rows of stale series into them. `begun`: those that have a row already; this state's are added. */
  combineStale(begun: Set<number>): void {
    const { stale } = this.family;
    const records = this.#records;
    for (let base = 0; base < records.length; base += STRIDE) {
      const cell = records[base + 3]!;
      if (records[base] === 0 || !stale.has(cell)) continue;
      this.#extremes!.combine(cell, records[base + 1]!, records[base + 2]!, !begun.has(cell));
      begun.add(cell);
    }
  }

  /** The records of the slots seen so far, as bytes: a view. With `decodeErrors`, {@link saveUnsettled} and the family they are all there is to save. */
  save(): Uint8Array {
    let used = this.#records.length;
    while (used > 0 && this.#records[used - STRIDE] === 0) used -= STRIDE;
    return asBytes(this.#records, used);
  }

  /** Makes this state, which has seen no row yet, what `save` has told. */
  restore(records: Uint32Array<ArrayBuffer>): void {
    if (records.length > this.#records.length) this.#records = records;
    else this.#records.set(records);
    for (let base = 0; base < records.length; base += STRIDE) {
      const cell = records[base + 3]!;
      if (records[base] !== 0 && cell !== NO_CELL) this.family.hold(Math.floor(cell / this.family.stride));
    }
  }

  /** What of {@link UnsettledRows} is to be saved beside. */
  saveUnsettled(facts: Facts): Uint8Array {
    return this.#unsettled?.save(facts) ?? new Uint8Array();
  }

  /** After {@link restore}. */
  restoreUnsettled(flags: Uint8Array, facts: Facts): void {
    this.#unsettled?.restore(flags, this.#records.length / STRIDE, facts);
  }

  /** Rows that have vanished count in no series any more, once their last value has been added. */
  #vanish({ count, slots, generations, vanished }: RowColumns): void {
    for (let row = 0; row < count; row++) {
      const base = slots[row]! * STRIDE;
      if (vanished[row] === 1 && generations[row] === this.#records[base]) this.#release(base);
    }
  }

  #release(base: number): void {
    const cell = this.#records[base + 3]!;
    if (this.#records[base] === 0 || cell === NO_CELL) return;
    this.#records[base + 3] = NO_CELL;
    this.family.release(Math.floor(cell / this.family.stride));
    if (this.#isGauge) this.#takeBack(base, cell);
  }

  /** What the row has is in its series no more. */
  #takeBack(base: number, cell: number): void {
    const [lo, hi] = [this.#records[base + 1]!, this.#records[base + 2]!];
    if (this.#extremes === null) this.family.cells.addDifference(cell, 0, 0, lo, hi);
    else this.#extremes.leave(cell, lo, hi);
    this.#records[base + 1] = 0;
    this.#records[base + 2] = 0;
  }

  /** Loads what the next rows will need, all at once: the cache misses of rows in no order overlap instead of following each other. */
  #touch(slots: Uint32Array, row: number): void {
    const records = this.#records;
    const { words } = this.#decoder.family.cells;
    const end = Math.min(row + BLOCK_ROWS, slots.length);
    let touched = 0;
    for (let i = row; i < end; i++) touched |= records[slots[i]! * STRIDE + 3]! & 1;
    for (let i = row; i < end; i++) touched |= words[records[slots[i]! * STRIDE + 3]! * 2]! & 1;
    this.touched = touched;
  }

  /** Keeps the loads of `#touch` from being optimised away. */
  protected touched = 0;

  /** The row counts from now on where its labels say by now. */
  #decodeAgain(rows: RowColumns, row: number, context: DecodeContext): void {
    const base = rows.slots[row]! * STRIDE;
    const before = this.#records[base + 3]!;
    const errors = this.decodeErrors;
    const cell = this.#decode(rows, row, context);
    // What could not be decoded is counted once.
    if (before === NO_CELL) this.decodeErrors = errors;
    else this.#release(base);
    this.#records[base + 3] = cell;
    if (this.#isGauge) this.#records.fill(0, base + 1, base + 3);
  }

  #decode(rows: RowColumns, row: number, context: DecodeContext): number {
    const { misses } = context.facts;
    const cell = this.#cellOf(rows, row, context);
    this.#unsettled?.decoded(rows.slots[row]!, context.facts.misses !== misses);
    return cell;
  }

  #cellOf(rows: RowColumns, row: number, context: DecodeContext): number {
    try {
      const cell = this.#decoder.cell(rows.keys, row * rows.keySize, context);
      if (cell !== NO_CELL) this.family.hold(Math.floor(cell / this.family.stride));
      return cell;
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof RangeError)) throw error;
      this.decodeErrors++;
      return NO_CELL;
    }
  }

  #reserve(slot: number): Uint32Array {
    if (slot >= this.#slots) {
      const message = `row number ${slot} of a map that can have ${this.#slots} at most`;
      throw new SondeError('FRAME_LIMIT', message, { stage: 'decode' });
    }
    this.#records = growU32(this.#records, Math.max((slot + 1) * STRIDE, this.#records.length * 2));
    return this.#records;
  }
}
