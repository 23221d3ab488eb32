import type { Aggregate } from '../../wire/config/schema.js';
import { isBetter } from './cells.js';
import type { Family } from './family.js';

/** How rows of a gauge whose labels are equal become one value: the least, the greatest, or that of the row that changed last. */
export class RowExtremes {
  readonly #family: Family;
  readonly #op: Exclude<Aggregate, 'sum'>;

  constructor(family: Family, op: Exclude<Aggregate, 'sum'>) {
    this.#family = family;
    this.#op = op;
  }

  /** A row that counts in the series has another number than before, or its first. */
  put(series: number, lo: number, hi: number, oldLo: number, oldHi: number): void {
    const { words } = this.#family.cells;
    const at = series * 2;
    if (this.#family.rowsOf(series) > 1 && !this.#isBetter(series, lo, hi)) {
      // Whether it was the one that was shown, or another has the same number: who can tell looks at all rows.
      if (words[at] === oldLo && words[at + 1] === oldHi) this.#family.stale.add(series);
      return;
    }
    words[at] = lo;
    words[at + 1] = hi;
  }

  /** A row with this number counts in the series no more. */
  leave(series: number, lo: number, hi: number): void {
    const { words } = this.#family.cells;
    if (this.#op === 'last' || (words[series * 2] === lo && words[series * 2 + 1] === hi)) {
      this.#family.stale.add(series);
    }
  }

  /** Takes a row's number into a series that is made anew; `isFirst`: no other has been before it. */
  combine(series: number, lo: number, hi: number, isFirst: boolean): void {
    if (!isFirst && !this.#isBetter(series, lo, hi)) return;
    const { words } = this.#family.cells;
    words[series * 2] = lo;
    words[series * 2 + 1] = hi;
  }

  /** Whether a number is to stand for the series: where the last one counts, any that comes. */
  #isBetter(series: number, lo: number, hi: number): boolean {
    const { cells, definition } = this.#family;
    if (this.#op === 'last') return true;
    const { numbers = 'u64' } = definition;
    return isBetter(this.#op, numbers, lo, hi, cells.words[series * 2]!, cells.words[series * 2 + 1]!);
  }
}
