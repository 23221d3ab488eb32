import type { HistogramConfig } from '../../wire/config/schema.js';
import { formatFloat } from '../output/prometheus/number.js';

/** What makes buckets, as the config says it. */
export type BucketSpec = Pick<
  HistogramConfig,
  'bucketType' | 'bucketMin' | 'bucketMax' | 'bucketKeys' | 'bucketMultiplier'
>;

/** The buckets of a classic histogram: which cell a bucket index falls into, and the upper bounds as text. */
export interface Buckets {
  readonly spec: BucketSpec;
  /** Number of buckets without `+Inf`; the cells of a series are these, then one for the sum. */
  readonly count: number;
  readonly multiplier: number;
  /** `le` of each bucket. */
  readonly bounds: readonly string[];
  /** The cell of a bucket index of the kernel's map, `count` for the sum, -1 when it is none of this histogram's. */
  cellOf(index: bigint): number;
}

/** Buckets by CONFIG.md, "Histograms". */
export function bucketsOf(config: BucketSpec): Buckets {
  const { bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier } = config;
  const multiplier = bucketMultiplier;
  const keys = bucketType === 'fixed' ? bucketKeys : range(bucketMin, bucketMax);
  const cells = new Map<bigint, number>(keys.map((key, cell) => [BigInt(key), cell]));
  cells.set(BigInt(keys.at(-1)! + 1), keys.length);
  return {
    spec: { bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier },
    count: keys.length,
    multiplier,
    bounds: keys.map((key) => formatFloat(upperBound(bucketType, key) * multiplier)),
    cellOf: (index) => cells.get(index) ?? -1,
  };
}

function upperBound(type: HistogramConfig['bucketType'], index: number): number {
  switch (type) {
    case 'exp2':
      return 2 ** index;
    case 'exp2zero':
      return index === 0 ? 0 : 2 ** (index - 1);
    case 'linear':
    case 'fixed':
      return index;
    case 'native':
      throw new Error('a native histogram has no classic buckets');
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
