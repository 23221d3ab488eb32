import type { Aggregate } from '../../wire/config/schema.js';
import { doubleOf } from './double.js';
import { upperBounds } from './buckets.js';
import type { Family } from './family.js';
import type { RecordValue } from './record-value.js';
import { nativeBounds } from './native.js';
import { ValueBuckets } from './value-buckets.js';

/** How a metric counts a record in its series. */
export interface EventSink {
  /** Whether the value can be counted: a counter and a histogram cannot take what is below 0. */
  takes(value: RecordValue): boolean;
  /** Counts a value that `takes` has agreed to; null: 1. Returns the cell that counts such events: the series' own, or its bucket's. */
  count(series: number, value: RecordValue | null): number;
}

/** @param aggregate how a gauge's records become one value. */
export function eventSink(family: Family, aggregate: Aggregate): EventSink {
  const { type, numbers } = family.definition;
  if (type === 'histogram') return new HistogramSink(family);
  if (type === 'counter') return new SumSink(family, false);
  if (aggregate === 'last') return new LastSink(family);
  if (aggregate !== 'sum') return new WindowSink(family);
  return numbers === 'f64' ? new FloatSumSink(family) : new SumSink(family, true);
}

/** Adds integers, modulo 2^64: for negative ones the same as subtracting. */
class SumSink implements EventSink {
  readonly #family: Family;
  readonly #takesNegative: boolean;

  constructor(family: Family, takesNegative: boolean) {
    this.#family = family;
    this.#takesNegative = takesNegative;
  }

  takes(value: RecordValue): boolean {
    return this.#takesNegative || !value.negative;
  }

  count(series: number, value: RecordValue | null): number {
    this.#family.cells.add(series, value === null ? 1 : value.lo, value === null ? 0 : value.hi);
    return series;
  }
}

class LastSink implements EventSink {
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
  }

  takes(): boolean {
    return true;
  }

  count(series: number, value: RecordValue): number {
    const { words } = this.#family.cells;
    words[series * 2] = value.lo;
    words[series * 2 + 1] = value.hi;
    return series;
  }
}

/** The least or the greatest of late. */
class WindowSink implements EventSink {
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
  }

  /** What is no number is neither less nor greater than any. */
  takes({ lo, hi }: RecordValue): boolean {
    return this.#family.definition.numbers !== 'f64' || !Number.isNaN(doubleOf(lo, hi));
  }

  count(series: number, { lo, hi }: RecordValue): number {
    this.#family.takeWindowed(series, lo, hi);
    return series;
  }
}

class FloatSumSink implements EventSink {
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
  }

  /** One infinity would stay for ever. */
  takes({ lo, hi }: RecordValue): boolean {
    return Number.isFinite(doubleOf(lo, hi));
  }

  count(series: number, { lo, hi }: RecordValue): number {
    this.#family.cells.addDouble(series, doubleOf(lo, hi));
    return series;
  }
}

class HistogramSink implements EventSink {
  readonly #family: Family;
  readonly #buckets: ValueBuckets;
  /** Cell of the sum, from the first of the series. */
  readonly #sum: number;
  /** Of zero, then the positive ones; undefined where no native histogram is made of values. */
  readonly #native: ValueBuckets | undefined;

  constructor(family: Family) {
    const { spec, count, multiplier } = family.definition.buckets!;
    this.#native = spec.nativeFrom === 'values' ? new ValueBuckets(nativeBounds(multiplier).bounds) : undefined;
    this.#family = family;
    this.#buckets = new ValueBuckets(upperBounds(spec));
    this.#sum = count + 1;
  }

  takes(value: RecordValue): boolean {
    return !value.negative;
  }

  count(series: number, { lo, hi }: RecordValue): number {
    const { cells, stride } = this.#family;
    const first = series * stride;
    const bucket = first + this.#buckets.find(lo, hi);
    cells.add(bucket, 1, 0);
    cells.add(first + this.#sum, lo, hi);
    if (this.#native !== undefined) cells.add(first + this.#sum + 1 + this.#native.find(lo, hi), 1, 0);
    return bucket;
  }
}
