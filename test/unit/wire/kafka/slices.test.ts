import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slices } from '../../../../wire/kafka/slices.js';

function cut(sizes: readonly number[], maxBytes: number, maxRecords: number): number[][] {
  return [...slices(sizes, (size) => size, { maxBytes, maxRecords })].map((slice) => [...slice]);
}

test('slices keep to bytes and to records, in order, and none is empty', () => {
  assert.deepEqual(cut([], 10, 3), []);
  assert.deepEqual(cut([4, 4, 4], 8, 9), [[4, 4], [4]]);
  assert.deepEqual(cut([1, 1, 1, 1], 100, 3), [[1, 1, 1], [1]]);
  assert.deepEqual(cut([0, 0, 0], 0, 2), [[0, 0], [0]]);
});

test('a record larger than a slice is one of its own', () => {
  assert.deepEqual(cut([1, 50, 1, 1], 10, 9), [[1], [50], [1, 1]]);
  assert.deepEqual(cut([50, 50], 10, 9), [[50], [50]]);
});
