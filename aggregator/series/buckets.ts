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
  /** Number of buckets without `+Inf`. The cells of a series are these, then that of `+Inf` alone, then the sum. */
  readonly count: number;
  readonly multiplier: number;
  /** `le` of each bucket. */
  readonly bounds: readonly string[];
  /** The cell of a bucket index of the kernel's map, that of the sum included; -1 when it is none of this histogram's. */
  cellOf(index: bigint): number;
}

/** Buckets by CONFIG.md, "Histograms". */
export function bucketsOf(config: BucketSpec): Buckets {
  const { bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier } = config;
  const keys = keysOf(config);
  const cells = new Map(keys.flatMap((key, cell) => (Number.isInteger(key) ? [[BigInt(key), cell] as const] : [])));
  const last = keys.at(-1)!;
  if (Number.isInteger(last)) cells.set(BigInt(last) + 1n, keys.length + 1);
  return {
    spec: { bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier },
    count: keys.length,
    multiplier: bucketMultiplier,
    bounds: upperBounds(config).map((bound) => formatFloat(bound * bucketMultiplier)),
    cellOf: (index) => cells.get(index) ?? -1,
  };
}

/** Upper bounds in the unit of the value. */
export function upperBounds(config: BucketSpec): number[] {
  return keysOf(config).map((key) => upperBound(config.bucketType, key));
}

function keysOf({ bucketType, bucketMin, bucketMax, bucketKeys }: BucketSpec): readonly number[] {
  return bucketType === 'fixed' ? bucketKeys : range(bucketMin, bucketMax);
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
