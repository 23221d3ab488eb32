import type { HistogramConfig } from '../../wire/config/schema.js';
import { formatFloat } from '../output/prometheus/number.js';
import { EVENT_SCHEMA, nativeBounds, type NativeBuckets } from './native.js';

/** What makes buckets, as the config says it. */
export interface BucketSpec extends Pick<
  HistogramConfig,
  'bucketType' | 'bucketMin' | 'bucketMax' | 'bucketKeys' | 'bucketMultiplier'
> {
  /** What a native histogram is made of: the classic exp2 buckets, or each value. Absent: there is none. */
  readonly nativeFrom?: 'buckets' | 'values';
}

/** The buckets of a histogram: which cell a classic bucket's index falls into, the upper bounds as text, and the native ones. */
export interface Buckets {
  readonly spec: BucketSpec;
  /**
   * Number of classic buckets without `+Inf`, 0 where there are only native ones. The cells of a series are these, then that of
   * `+Inf` alone, then the sum, then those of native buckets made of values.
   */
  readonly count: number;
  readonly multiplier: number;
  /** `le` of each bucket. */
  readonly bounds: readonly string[];
  readonly native?: NativeBuckets;
  /** Cells of a series. */
  readonly cells: number;
  /** The same for buckets that can be added up. */
  readonly layout: string;
  /** The cell of a bucket index of the kernel's map, that of the sum included; -1 when it is none of this histogram's. */
  cellOf(index: bigint): number;
}

/** Buckets by CONFIG.md, "Histograms". */
export function bucketsOf(config: BucketSpec): Buckets {
  const { bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier, nativeFrom } = config;
  const keys = keysOf(config);
  const native = nativeOf(config, keys.length);
  const bounds = upperBounds(config).map((bound) => formatFloat(bound * bucketMultiplier));
  const cells = new Map(keys.flatMap((key, cell) => (Number.isInteger(key) ? [[BigInt(key), cell] as const] : [])));
  const last = keys.at(-1);
  if (last !== undefined && Number.isInteger(last)) cells.set(BigInt(last) + 1n, keys.length + 1);
  return {
    spec: {
      bucketType,
      bucketMin,
      bucketMax,
      bucketKeys,
      bucketMultiplier,
      ...(nativeFrom !== undefined && { nativeFrom }),
    },
    count: keys.length,
    multiplier: bucketMultiplier,
    bounds,
    ...(native !== undefined && { native }),
    cells: keys.length + 2 + (nativeFrom === 'values' ? native!.count + 1 : 0),
    layout: bounds.join() + (native === undefined ? '' : ` native ${JSON.stringify(native)}`),
    cellOf: (index) => cells.get(index) ?? -1,
  };
}

function nativeOf(
  { bucketType, bucketMin, bucketMultiplier, nativeFrom }: BucketSpec,
  count: number,
): NativeBuckets | undefined {
  if (nativeFrom === undefined) return undefined;
  if (nativeFrom === 'values') {
    const { firstIndex, bounds } = nativeBounds(bucketMultiplier);
    const zeroCell = count + 2;
    return { schema: EVENT_SCHEMA, zeroCell, firstCell: zeroCell + 1, firstIndex, count: bounds.length - 1 };
  }
  const scale = Math.log2(bucketMultiplier);
  if (bucketType === 'exp2') {
    return { schema: 0, zeroCell: -1, firstCell: 0, firstIndex: bucketMin + scale, count };
  }
  const zeros = bucketMin === 0 ? 1 : 0;
  return {
    schema: 0,
    zeroCell: zeros - 1,
    firstCell: zeros,
    firstIndex: bucketMin + zeros - 1 + scale,
    count: count - zeros,
  };
}

/** Upper bounds in the unit of the value. */
export function upperBounds(config: BucketSpec): number[] {
  return keysOf(config).map((key) => upperBound(config.bucketType, key));
}

function keysOf({ bucketType, bucketMin, bucketMax, bucketKeys }: BucketSpec): readonly number[] {
  if (bucketType === 'native') return [];
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
