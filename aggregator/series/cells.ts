import { growU32 } from '../../lib/grow.js';
import { doubleOf, putDouble } from './double.js';

/** What cells hold: integers, or the bits of doubles. Counters and histograms are u64. */
export type Numbers = 'u64' | 'i64' | 'f64';

/** Growable array of exact unsigned 64-bit integers, as pairs of words. Arithmetic wraps around, as the kernel's does. */
export class Cells {
  /** The low word of cell n is at 2n, the high one behind it. Replaced by `reserve` when it grows. */
  words = new Uint32Array(128);

  /** Makes room for cells below `length`. */
  reserve(length: number): void {
    if (length * 2 > this.words.length) this.words = growU32(this.words, Math.max(length * 2, this.words.length * 2));
  }

  /** Adds `(newHi, newLo) - (oldHi, oldLo)` to a cell, modulo 2^64. */
  addDifference(cell: number, newLo: number, newHi: number, oldLo: number, oldHi: number): void {
    const low = this.words[cell * 2]! + newLo - oldLo;
    this.words[cell * 2] = low;
    this.words[cell * 2 + 1] = this.words[cell * 2 + 1]! + newHi - oldHi + Math.floor(low / 2 ** 32);
  }

  /** Adds `(hi, lo)` to a cell, modulo 2^64. */
  add(cell: number, lo: number, hi: number): void {
    const low = this.words[cell * 2]! + lo;
    this.words[cell * 2] = low;
    this.words[cell * 2 + 1] = this.words[cell * 2 + 1]! + hi + (low > 0xffffffff ? 1 : 0);
  }

  /** Adds `count` cells of another from `from` on to those from `to` on, all of them numbers of this kind. */
  addCells(to: number, { words }: Cells, from: number, count: number, numbers: Numbers): void {
    for (let i = 0; i < count; i++) {
      const [lo, hi] = [words[(from + i) * 2]!, words[(from + i) * 2 + 1]!];
      if (numbers === 'f64') this.addDouble(to + i, doubleOf(lo, hi));
      else this.add(to + i, lo, hi);
    }
  }

  /** Takes `count` cells of another from `from` on from those from `to` on, modulo 2^64. */
  subtractCells(to: number, { words }: Cells, from: number, count: number): void {
    for (let i = 0; i < count; i++)
      this.addDifference(to + i, 0, 0, words[(from + i) * 2]!, words[(from + i) * 2 + 1]!);
  }

  /** Adds to a cell that holds the bits of a double. */
  addDouble(cell: number, value: number): void {
    putDouble(this.words, cell * 2, doubleOf(this.words[cell * 2]!, this.words[cell * 2 + 1]!) + value);
  }

  /** Makes the cells those of `words`, as they were. */
  restore(words: Uint32Array): void {
    this.reserve(words.length / 2);
    this.words.set(words);
  }

  get(cell: number): bigint {
    return (BigInt(this.words[cell * 2 + 1]!) << 32n) | BigInt(this.words[cell * 2]!);
  }
}

/** Whether the first of two numbers of a kind is the lower. */
function isLess(numbers: Numbers, lo: number, hi: number, otherLo: number, otherHi: number): boolean {
  if (numbers === 'f64') return doubleOf(lo, hi) < doubleOf(otherLo, otherHi);
  if (hi === otherHi) return lo < otherLo;
  return numbers === 'i64' ? (hi | 0) < (otherHi | 0) : hi < otherHi;
}

/** Whether the first of two numbers of a kind takes the place of the other, where the least or the greatest is kept. */
export function isBetter(
  op: 'min' | 'max',
  numbers: Numbers,
  lo: number,
  hi: number,
  otherLo: number,
  otherHi: number,
): boolean {
  return op === 'min' ? isLess(numbers, lo, hi, otherLo, otherHi) : isLess(numbers, otherLo, otherHi, lo, hi);
}
