import { growF64, growU32 } from '../../lib/grow.js';

/** Time by the host's frames, never by a clock: the same frames give the same series, whenever they are applied. */
export interface FrameClock {
  /** Milliseconds since 1970 of the newest frame. */
  nowMs: number;
}

/** New number of a series that has ended. */
export const GONE = 0xffffffff;

/** Looks for ended series are this part of the time to live apart, but not closer than a second. */
const LOOKS_PER_TTL = 4;
const LEAST_BETWEEN_LOOKS_MS = 1000;

/**
 * Finds the series of a family that have ended: no row counts in them, and nothing has come for the time to live. With none, 0, they
 * end as soon as no row counts in them.
 */
export class Expiry {
  ttlMs: number;
  /** Rows that count in each series. Follows from the records of the maps' rows, so it is not saved. */
  #rows = new Uint32Array(64);
  /** When each began, lost its last row, or had its last event. */
  #sinceMs = new Float64Array(64);
  /** Series in which no row counts. */
  #empty = 0;
  readonly #clock: FrameClock;
  #lookedMs: number;

  constructor(ttlMs: number, clock: FrameClock) {
    this.ttlMs = ttlMs;
    this.#clock = clock;
    this.#lookedMs = clock.nowMs;
  }

  get lookedMs(): number {
    return this.#lookedMs;
  }

  /** A series begins. */
  add(series: number): void {
    if (series >= this.#rows.length) {
      const capacity = Math.max(series + 1, this.#rows.length * 2);
      this.#rows = growU32(this.#rows, capacity);
      this.#sinceMs = growF64(this.#sinceMs, capacity);
    }
    this.#rows[series] = 0;
    this.#empty++;
    this.#sinceMs[series] = this.#clock.nowMs;
  }

  /** Rows that count in the series. */
  rowsOf(series: number): number {
    return this.#rows[series]!;
  }

  /** A row counts in the series from now on. */
  hold(series: number): void {
    if (this.#rows[series]!++ === 0) this.#empty--;
  }

  /** A row that counted in the series has vanished. */
  release(series: number): void {
    if (--this.#rows[series]! === 0) this.#empty++;
    this.touch(series);
  }

  /** An event counts in the series. */
  touch(series: number): void {
    this.#sinceMs[series] = this.#clock.nowMs;
  }

  /**
   * The numbers that the series get when those that have ended are taken out, by their number now, {@link GONE} for the ended.
   * Undefined when there are none, or when it is too early to look again.
   * @param size number of series.
   * @param kept a series that never ends; -1 for none.
   */
  ended(size: number, kept: number): Uint32Array | undefined {
    const { nowMs } = this.#clock;
    const isTooEarly = nowMs < this.#lookedMs + Math.max(LEAST_BETWEEN_LOOKS_MS, this.ttlMs / LOOKS_PER_TTL);
    if (this.ttlMs === 0 ? this.#empty === 0 : isTooEarly) return undefined;
    this.#lookedMs = nowMs;
    const latestMs = nowMs - this.ttlMs;
    const numbers = new Uint32Array(size);
    let next = 0;
    for (let series = 0; series < size; series++) {
      const isOver = this.#rows[series] === 0 && this.#sinceMs[series]! <= latestMs && series !== kept;
      numbers[series] = isOver ? GONE : next++;
    }
    return next === size ? undefined : numbers;
  }

  /** Takes out what has ended; `numbers` as from {@link ended}. */
  renumber(numbers: Uint32Array): void {
    const [rows, sinceMs] = [this.#rows, this.#sinceMs];
    this.#rows = new Uint32Array(numbers.length);
    this.#sinceMs = new Float64Array(numbers.length);
    this.#empty = 0;
    for (const [old, series] of numbers.entries()) {
      if (series === GONE) continue;
      this.#rows[series] = rows[old]!;
      if (rows[old] === 0) this.#empty++;
      this.#sinceMs[series] = sinceMs[old]!;
    }
  }

  /** When each of the first `size` series was last heard of, as bytes: a view. */
  save(size: number): Uint8Array {
    return new Uint8Array(this.#sinceMs.buffer, 0, size * 8);
  }

  /** Series that were not saved, because there was no time to live then, keep the time that `add` gave them. */
  restore(sinceMs: Uint8Array<ArrayBuffer>, lookedMs: number): void {
    this.#sinceMs.set(new Float64Array(sinceMs.buffer, 0, sinceMs.length / 8));
    this.#lookedMs = lookedMs;
  }
}
