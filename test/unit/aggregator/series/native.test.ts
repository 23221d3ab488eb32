import assert from 'node:assert/strict';
import test from 'node:test';
import { bucketsOf, type BucketSpec } from '../../../../aggregator/series/buckets.js';
import { nativeBounds } from '../../../../aggregator/series/native.js';
import { ValueBuckets } from '../../../../aggregator/series/value-buckets.js';

/** Index of the native bucket that counts a value; null: the zero bucket. */
function indexOf(value: bigint, multiplier = 1): number | null {
  const { firstIndex, bounds } = nativeBounds(multiplier);
  const found = new ValueBuckets(bounds).find(Number(value & 0xffff_ffffn), Number(value >> 32n));
  return found === 0 ? null : firstIndex + found - 1;
}

// Upper bound of bucket i: 2^(i/4), inclusive. 2^(6/4) = 2.83, 2^(7/4) = 3.36, 2^(13/4) = 9.51.
test('each value is in the bucket that Prometheus has for it', () => {
  const cases: readonly (readonly [value: bigint, index: number | null, multiplier?: number])[] = [
    [0n, null],
    [1n, 0],
    [2n, 4],
    [3n, 7],
    [4n, 8],
    [5n, 10],
    [9n, 13],
    [10n, 14],
    [2n ** 63n, 252],
    [2n ** 63n + 1n, 253],
    [2n ** 64n - 1n, 256],
    // In halves: 4.0, 4.5, 0.5.
    [8n, 8, 0.5],
    [9n, 9, 0.5],
    [1n, -4, 0.5],
    // In seconds: 1 is a bound, and inclusive; 1/1e-9 as a double is below 1e9.
    [10n ** 9n, 0, 1e-9],
    [10n ** 9n + 1n, 1, 1e-9],
    // log2(1e-9) * 4 = -119.6.
    [1n, -119, 1e-9],
    [0n, null, 1e-9],
  ];
  for (const [value, index, multiplier] of cases) assert.equal(indexOf(value, multiplier), index, `${value}`);
  assert.equal(nativeBounds(1).bounds.length, 258);
});

const SPEC: BucketSpec = { bucketType: 'exp2', bucketMin: 0, bucketMax: 3, bucketKeys: [], bucketMultiplier: 1 };

test('classic exp2 buckets are native ones of schema 0, shifted by the multiplier', () => {
  const native = (spec: Partial<BucketSpec>): unknown => bucketsOf({ ...SPEC, nativeFrom: 'buckets', ...spec }).native;
  const common = { schema: 0, zeroCell: -1, firstCell: 0, count: 4 };
  // Bucket i ends at 2^i times m.
  assert.deepEqual(native({}), { ...common, firstIndex: 0 });
  assert.deepEqual(native({ bucketMin: 2, bucketMax: 5, bucketMultiplier: 0.25 }), { ...common, firstIndex: 0 });
  assert.deepEqual(native({ bucketMultiplier: 8 }), { ...common, firstIndex: 3 });
  // Bucket 0 ends at 0, bucket 1 at 2^0 times m.
  assert.deepEqual(native({ bucketType: 'exp2zero', bucketMultiplier: 2 }), {
    schema: 0,
    zeroCell: 0,
    firstCell: 1,
    firstIndex: 1,
    count: 3,
  });
  assert.deepEqual(native({ bucketType: 'exp2zero', bucketMin: 1 }), { ...common, firstIndex: 0, count: 3 });
});

test('a native histogram of values has cells of its own, and makes the metric another one', () => {
  assert.equal(bucketsOf(SPEC).cells, 6);
  assert.equal(bucketsOf({ ...SPEC, nativeFrom: 'buckets' }).cells, 6);
  const buckets = bucketsOf({ ...SPEC, nativeFrom: 'values' });
  assert.equal(buckets.cells, 6 + 258);
  assert.notEqual(buckets.layout, bucketsOf(SPEC).layout);
  assert.deepEqual(bucketsOf(buckets.spec).native, buckets.native);
});
