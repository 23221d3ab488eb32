import { growU32, growU8 } from '../../lib/grow.js';
import { asBytes } from '../state/saved.js';
import { isBetter, type Cells, type Numbers } from './cells.js';
import { GONE, type FrameClock } from './expiry.js';

/** A series has an event in the window that runs; in the one before. */
const NOW = 1;
const BEFORE = 2;

/** Words of a series: its value in the window that runs, and in the one before. */
const STRIDE = 4;

export interface WindowOptions {
  readonly windowMs: number;
  readonly op: 'min' | 'max';
  readonly numbers: Numbers;
}

/**
 * The least or greatest values of late. Windows follow each other, each `windowMs` of the host's time long and beginning at a multiple of
 * it; what is shown is of the one that runs and the one before. So whoever looks at least once a window sees every event's value,
 * however many others look, and it is the same for all of them.
 */
export class Windows {
  readonly #options: WindowOptions;
  readonly #clock: FrameClock;
  #words = new Uint32Array(64 * STRIDE);
  #has = new Uint8Array(64);
  /** Number of the window that runs. */
  #number: number;
  /** A window may have taken the last value of a series with it. */
  #hasTurned = true;

  constructor(options: WindowOptions, clock: FrameClock) {
    this.#options = options;
    this.#clock = clock;
    this.#number = this.#numberNow();
  }

  /** Of the window that runs. */
  get number(): number {
    return this.#number;
  }

  /** A series begins. */
  add(series: number): void {
    if (series >= this.#has.length) {
      this.#has = growU8(this.#has, Math.max(series + 1, this.#has.length * 2));
      this.#words = growU32(this.#words, this.#has.length * STRIDE);
    }
    this.#has[series] = 0;
  }

  /** Takes an event's value into the series, and into its cell. */
  take(cells: Cells, series: number, lo: number, hi: number, size: number): void {
    this.turn(cells, size);
    const at = series * STRIDE;
    const words = this.#words;
    if ((this.#has[series]! & NOW) !== 0 && !this.#isBetter(lo, hi, words[at]!, words[at + 1]!)) return;
    words[at] = lo;
    words[at + 1] = hi;
    this.#has[series]! |= NOW;
    this.#show(cells, series);
  }

  /** Begins the window that the host's time is in. Cells of series without an event in it and the one before stay as they were. */
  turn(cells: Cells, size: number): void {
    const number = this.#numberNow();
    const steps = number - this.#number;
    if (steps <= 0) return;
    this.#number = number;
    this.#hasTurned = true;
    const words = this.#words;
    for (let series = 0; series < size; series++) {
      const at = series * STRIDE;
      words.copyWithin(at + 2, at, at + 2);
      this.#has[series] = steps === 1 && (this.#has[series]! & NOW) !== 0 ? BEFORE : 0;
      if (this.#has[series] !== 0) this.#show(cells, series);
    }
  }

  /** New numbers of the series, {@link GONE} of those without an event in both windows; undefined when all have one. */
  ended(size: number): Uint32Array | undefined {
    if (!this.#hasTurned) return undefined;
    this.#hasTurned = false;
    const numbers = new Uint32Array(size);
    let next = 0;
    for (let series = 0; series < size; series++) numbers[series] = this.#has[series] === 0 ? GONE : next++;
    return next === size ? undefined : numbers;
  }

  /** Takes out what has ended; `numbers` as from {@link ended}. */
  renumber(numbers: Uint32Array): void {
    for (const [old, series] of numbers.entries()) {
      if (series === GONE) continue;
      this.#words.copyWithin(series * STRIDE, old * STRIDE, (old + 1) * STRIDE);
      this.#has[series] = this.#has[old]!;
    }
  }

  /** Values and flags of the first `size` series, as bytes: views. */
  save(size: number): { readonly words: Uint8Array; readonly has: Uint8Array } {
    return { words: asBytes(this.#words, size * STRIDE), has: this.#has.subarray(0, size) };
  }

  /** Makes these windows, which have had no event, what `save` has told. */
  restore(words: Uint32Array, has: Uint8Array, number: number): void {
    this.#words.set(words);
    this.#has.set(has);
    this.#number = number;
  }

  #show({ words }: Cells, series: number): void {
    const own = this.#words;
    const at = series * STRIDE;
    const has = this.#has[series]!;
    const isNow =
      (has & BEFORE) === 0 || ((has & NOW) !== 0 && this.#isBetter(own[at]!, own[at + 1]!, own[at + 2]!, own[at + 3]!));
    const from = isNow ? at : at + 2;
    words[series * 2] = own[from]!;
    words[series * 2 + 1] = own[from + 1]!;
  }

  #isBetter(lo: number, hi: number, otherLo: number, otherHi: number): boolean {
    const { op, numbers } = this.#options;
    return isBetter(op, numbers, lo, hi, otherLo, otherHi);
  }

  #numberNow(): number {
    return Math.floor(this.#clock.nowMs / this.#options.windowMs);
  }
}
