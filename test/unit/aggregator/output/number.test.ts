import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFloat, writeI64, writeU64 } from '../../../../aggregator/output/prometheus/number.js';
import { seededRandom } from '../../../../lib/random.js';

function written(value: bigint): string {
  const out = Buffer.alloc(24, 0x78);
  const end = writeU64(out, 1, Number(value & 0xffffffffn), Number(value >> 32n));
  assert.equal(out[0], 0x78);
  return out.toString('latin1', 1, end);
}

test('u64 digits are exact at every edge', () => {
  const edges = [0n, 2n ** 64n - 1n, 9007199254740993n];
  for (let power = 1n; power < 10n ** 19n; power *= 10n) edges.push(power - 1n, power, power + 1n);
  for (let bit = 0n; bit < 64n; bit++) edges.push((1n << bit) - 1n, 1n << bit, (1n << bit) + 1n);
  for (const value of edges) assert.equal(written(value), value.toString());
});

test('u64 digits are exact for random values of every magnitude', () => {
  const random = seededRandom(1);
  for (let i = 0; i < 20_000; i++) {
    const value =
      ((BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32))) >> BigInt(i % 64);
    assert.equal(written(value), value.toString());
  }
});

test('signed digits are exact', () => {
  const values = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 32n), -(2n ** 32n) - 1n, 1n - 2n ** 32n];
  for (const value of values) {
    const out = Buffer.alloc(24);
    const bits = BigInt.asUintN(64, value);
    assert.equal(
      out.toString('latin1', 0, writeI64(out, 0, Number(bits & 0xffffffffn), Number(bits >> 32n))),
      `${value}`,
    );
  }
});

// What `strconv.FormatFloat(v, 'g', -1, 64)` of Go 1.26 prints.
const GO: readonly (readonly [number, string])[] = [
  [0, '0'],
  [1, '1'],
  [1e-6, '1e-06'],
  [6.4e-5, '6.4e-05'],
  [64 * 1e-6, '6.4e-05'],
  [0.0001, '0.0001'],
  [0.001024, '0.001024'],
  [33554432e-6, '33.554432'],
  [134.217728, '134.217728'],
  [131072, '131072'],
  [999999, '999999'],
  [1e6, '1e+06'],
  [1048576, '1.048576e+06'],
  [1234567.5, '1.2345675e+06'],
  [123456789, '1.23456789e+08'],
  [1e21, '1e+21'],
  [1e100, '1e+100'],
  [-2.5, '-2.5'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
  [NaN, 'NaN'],
];

test("floats are written as Go's clients write them", () => {
  for (const [value, text] of GO) assert.equal(formatFloat(value), text);
});
