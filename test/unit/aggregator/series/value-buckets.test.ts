import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketsOf, upperBounds, type BucketSpec } from '../../../../aggregator/series/buckets.js';
import { ValueBuckets } from '../../../../aggregator/series/value-buckets.js';
import { forSeeds } from '../../../harness/seed.js';
import { randomInteger } from '../../../../lib/random.js';

const U64_MAX = 2n ** 64n - 1n;

function spec(parts: Partial<BucketSpec>): BucketSpec {
  return { bucketType: 'exp2', bucketMin: 0, bucketMax: 0, bucketKeys: [], bucketMultiplier: 1, ...parts };
}

/** `le` of the bucket that a value falls into. */
function bucketOf(config: BucketSpec, value: bigint): string {
  const buckets = new ValueBuckets(upperBounds(config));
  return bucketsOf(config).bounds[buckets.find(Number(value & 0xffffffffn), Number(value >> 32n))] ?? '+Inf';
}

const EXP2 = spec({ bucketType: 'exp2', bucketMin: 2, bucketMax: 34 });
const WHOLE = spec({ bucketType: 'exp2', bucketMin: 0, bucketMax: 64, bucketMultiplier: 1 });
const LINEAR = spec({ bucketType: 'linear', bucketMin: 3, bucketMax: 6 });
const FIXED = spec({ bucketType: 'fixed', bucketKeys: [0.5, 1, 10, 250, 2 ** 53, 1e300] });
const SCALED = spec({ bucketType: 'exp2', bucketMin: 10, bucketMax: 12, bucketMultiplier: 1e-9 });

const TABLE: readonly (readonly [BucketSpec, bigint, string])[] = [
  [EXP2, 0n, '4'],
  [EXP2, 4n, '4'],
  [EXP2, 5n, '8'],
  [EXP2, 8n, '8'],
  [EXP2, 9n, '16'],
  [EXP2, 2n ** 32n - 1n, '4.294967296e+09'],
  [EXP2, 2n ** 32n, '4.294967296e+09'],
  [EXP2, 2n ** 32n + 1n, '8.589934592e+09'],
  [EXP2, 2n ** 34n, '1.7179869184e+10'],
  [EXP2, 2n ** 34n + 1n, '+Inf'],
  [EXP2, U64_MAX, '+Inf'],
  [WHOLE, 0n, '1'],
  [WHOLE, 1n, '1'],
  [WHOLE, 2n, '2'],
  [WHOLE, 2n ** 63n, '9.223372036854776e+18'],
  [WHOLE, 2n ** 63n + 1n, '1.8446744073709552e+19'],
  [WHOLE, U64_MAX, '1.8446744073709552e+19'],
  [LINEAR, 0n, '3'],
  [LINEAR, 3n, '3'],
  [LINEAR, 4n, '4'],
  [LINEAR, 6n, '6'],
  [LINEAR, 7n, '+Inf'],
  [FIXED, 0n, '0.5'],
  [FIXED, 1n, '1'],
  [FIXED, 2n, '10'],
  [FIXED, 251n, '9.007199254740992e+15'],
  [FIXED, 2n ** 53n, '9.007199254740992e+15'],
  [FIXED, 2n ** 53n + 1n, '1e+300'],
  [FIXED, U64_MAX, '1e+300'],
  [SCALED, 1024n, '1.024e-06'],
  [SCALED, 1025n, '2.048e-06'],
];

test('a value falls into the first bucket whose upper bound it does not exceed', () => {
  for (const [config, value, le] of TABLE) {
    assert.equal(bucketOf(config, value), le, `${value} of ${JSON.stringify(config)}`);
  }
});

test('random values of random bounds, against a search one by one', () =>
  forSeeds(200, (random) => {
    const bounds = Array.from({ length: 1 + randomInteger(random, 40) }, () => 2 ** (random() * 66)).sort(
      (a, b) => a - b,
    );
    const buckets = new ValueBuckets(bounds);
    for (let i = 0; i < 50; i++) {
      const near =
        BigInt(Math.floor(bounds[randomInteger(random, bounds.length)]!)) + BigInt(randomInteger(random, 3) - 1);
      const value = near < 0n ? 0n : near > U64_MAX ? U64_MAX : near;
      const naive = bounds.findIndex((bound) => value <= BigInt(Math.floor(bound)));
      const found = buckets.find(Number(value & 0xffffffffn), Number(value >> 32n));
      assert.equal(found, naive < 0 ? bounds.length : naive, `${value} in ${bounds.join()}`);
    }
  }));

test('fixed keys that are no whole numbers are no bucket of a map, and stop nothing', () => {
  const buckets = bucketsOf(spec({ bucketType: 'fixed', bucketKeys: [0.5, 2, 2.5] }));
  assert.deepEqual([buckets.cellOf(2n), buckets.cellOf(0n), buckets.cellOf(3n)], [1, -1, -1]);
});
