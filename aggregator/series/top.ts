import { asBytes, asWords } from '../state/saved.js';
import { Cells, type Numbers } from './cells.js';
import { doubleOf } from './double.js';
import { GONE, type FrameClock } from './expiry.js';
import type { FamilyView } from './family-view.js';
import { LabelTable } from './label-table.js';

/** Time by the host's frames between two rankings. */
const RANK_EVERY_MS = 60_000;

/**
 * Which series of a family are shown, when only the largest are. Every series is counted in full; what is shown of one is what it
 * has counted since it was promoted, and all else is `other`. So what is shown never falls, and adds up to the exact total.
 */
export class Top {
  count: number;
  /** Shown series, and what each had counted before it was: words of its cells. */
  #shown = new Map<number, Uint32Array>();
  /** When they were ranked last; null: the next chance is the first. */
  #rankedMs: number | null = null;
  /** Series that were there after the frame before this one: what a later one has counted was never part of `other`. */
  #settled = 0;
  readonly #clock: FrameClock;

  constructor(count: number, clock: FrameClock) {
    this.count = count;
    this.#clock = clock;
  }

  get rankedMs(): number | null {
    return this.#rankedMs;
  }

  /** Shows another number of series from the next frame on. */
  resize(count: number): void {
    this.count = count;
    this.#rankedMs = null;
  }

  /**
   * A frame has been applied: shows what is new as long as there is room, and when it is time ranks anew.
   * @param other the series that is `other`, -1 for none.
   */
  settle(family: FamilyView, other: number): void {
    const candidates = family.size - (other < 0 ? 0 : 1);
    if (this.#shown.size < candidates) this.#showNew(family, other);
    if (this.#shown.size < candidates && this.#isTime()) this.#rank(family, other);
    this.#settled = family.size;
  }

  /**
   * What is shown, as a family of its own.
   * @param otherText labels of `other`; null when the series of this family cannot be added up.
   */
  view(family: FamilyView, otherText: Uint8Array | null): FamilyView {
    const { definition, stride } = family;
    const table = new LabelTable();
    const cells = new Cells();
    cells.reserve((this.#shown.size + 1) * stride);
    for (const series of [...this.#shown.keys()].sort((a, b) => a - b)) {
      const text = family.table.bytes(series);
      this.#putShown(family, series, cells.words, table.add(text, text.length) * stride * 2);
    }
    if (otherText !== null) {
      const rest = this.#restOf(family);
      if (this.#shown.size < family.size || rest.words.some((word) => word !== 0)) {
        cells.words.set(rest.words.subarray(0, stride * 2), table.add(otherText, otherText.length) * stride * 2);
      }
    }
    return { definition, stride, table, cells, size: table.size };
  }

  /** Series have ended; `numbers` as from `Expiry`. */
  renumber(numbers: Uint32Array): void {
    const shown = this.#shown;
    this.#shown = new Map();
    for (const [old, offsets] of shown) {
      const series = numbers[old]!;
      if (series !== GONE) this.#shown.set(series, offsets);
    }
    this.#settled = numbers.subarray(0, this.#settled).filter((series) => series !== GONE).length;
  }

  /** The shown series and their offsets, as bytes of their own. */
  save(): { readonly shown: Uint8Array; readonly offsets: Uint8Array } {
    const shown = Uint32Array.from(this.#shown.keys());
    const offsets = Uint32Array.from([...this.#shown.values()].flatMap((words) => [...words]));
    return { shown: asBytes(shown, shown.length), offsets: asBytes(offsets, offsets.length) };
  }

  /** @param size series that the family has. */
  restore(
    shown: Uint8Array<ArrayBuffer>,
    offsets: Uint8Array<ArrayBuffer>,
    rankedMs: number | null,
    size: number,
  ): void {
    const numbers = asWords(shown);
    const words = asWords(offsets);
    const stride = words.length / numbers.length;
    numbers.forEach((series, i) => this.#shown.set(series, words.slice(i * stride, (i + 1) * stride)));
    this.#rankedMs = rankedMs;
    this.#settled = size;
  }

  #isTime(): boolean {
    return this.#rankedMs === null || this.#clock.nowMs >= this.#rankedMs + RANK_EVERY_MS;
  }

  #rank(family: FamilyView, other: number): void {
    const sizes = sizesOf(family);
    if (other >= 0) sizes[other] = -Infinity;
    // Nothing that is smaller than this is shown, and of what is equal as many as there is room for.
    const least = Float64Array.from(sizes).sort()[Math.max(0, sizes.length - this.count)]!;
    const before = this.#shown;
    const larger: number[] = [];
    const equal: number[] = [];
    for (const [series, size] of sizes.entries()) {
      if (series === other) continue;
      if (size > least) larger.push(series);
      else if (size === least) equal.push(series);
    }
    // Who is shown stays, so that equal series do not take turns.
    equal.sort((a, b) => Number(before.has(b)) - Number(before.has(a)) || a - b);
    this.#shown = new Map();
    for (const series of [...larger, ...equal].slice(0, this.count)) {
      this.#shown.set(series, before.get(series) ?? this.#offsets(family, series));
    }
    this.#rankedMs = this.#clock.nowMs;
  }

  #showNew(family: FamilyView, other: number): void {
    for (let series = this.#settled; series < family.size && this.#shown.size < this.count; series++) {
      if (series !== other) this.#shown.set(series, this.#offsets(family, series));
    }
  }

  /** What a series that is promoted now has counted as part of `other`. A gauge shows what it is. */
  #offsets({ cells, definition, stride }: FamilyView, series: number): Uint32Array {
    if (series >= this.#settled || definition.type === 'gauge') return new Uint32Array(stride * 2);
    return cells.words.slice(series * stride * 2, (series + 1) * stride * 2);
  }

  /** The sum of what is not shown, cell by cell. */
  #restOf(family: FamilyView): Cells {
    const { cells, definition, size, stride } = family;
    const rest = new Cells();
    rest.reserve(stride);
    const shown = new Uint32Array(stride * 2);
    for (let series = 0; series < size; series++) {
      const first = series * stride;
      if (!this.#shown.has(series)) rest.addCells(0, cells, first, stride, definition.numbers ?? 'u64');
      else if (definition.type !== 'gauge') {
        this.#putShown(family, series, shown, 0);
        for (let cell = 0; cell < stride; cell++) {
          const at = (first + cell) * 2;
          rest.addDifference(cell, cells.words[at]!, cells.words[at + 1]!, shown[cell * 2]!, shown[cell * 2 + 1]!);
        }
      }
    }
    return rest;
  }

  /** Puts the shown value of each cell of a series. One that has fallen below its offset, as rows of array maps may, is 0. */
  #putShown({ cells: { words }, stride }: FamilyView, series: number, target: Uint32Array, at: number): void {
    const offsets = this.#shown.get(series)!;
    const first = series * stride * 2;
    for (let word = 0; word < stride * 2; word += 2) {
      const lo = words[first + word]! - offsets[word]!;
      const hi = words[first + word + 1]! - offsets[word + 1]! - (lo < 0 ? 1 : 0);
      target[at + word] = hi < 0 ? 0 : lo;
      target[at + word + 1] = hi < 0 ? 0 : hi;
    }
  }
}

/** What series are ranked by: the value, of a histogram the count. Near enough above 2^53. */
function sizesOf({ cells: { words }, definition, size, stride }: FamilyView): Float64Array {
  // The last cell of a histogram's series is its sum.
  const counted = definition.buckets === undefined ? stride : definition.buckets.count + 1;
  const sizes = new Float64Array(size);
  for (let series = 0; series < size; series++) {
    const first = series * stride;
    for (let cell = first; cell < first + counted; cell++) {
      sizes[series]! += numberOf(words[cell * 2]!, words[cell * 2 + 1]!, definition.numbers);
    }
  }
  return sizes;
}

function numberOf(lo: number, hi: number, numbers: Numbers = 'u64'): number {
  if (numbers === 'u64') return hi * 2 ** 32 + lo;
  if (numbers === 'i64') return (hi | 0) * 2 ** 32 + lo;
  const double = doubleOf(lo, hi);
  return Number.isNaN(double) ? -Infinity : double;
}
