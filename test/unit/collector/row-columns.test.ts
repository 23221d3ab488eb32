import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowColumns } from '../../../collector/source/row-columns.js';

test('columns grow to the size of a frame, keep what is in them, and have no room then', () => {
  // Keys and values of sizes that are padded to words, and 9 bytes beside them: 1,000 rows of 6 + 3 + 9 bytes.
  const columns = new RowColumns(6, 3, 18_000);
  assert.ok(columns.capacity < 1000);
  const words = new Uint32Array(2);
  const value = new Uint32Array(1);
  let rows = 0;
  for (; columns.hasRoom(); rows++) {
    words.set([rows, rows & 0xff]);
    value[0] = rows;
    columns.append(rows, rows + 1, words, 0, value, 0, rows % 2 === 0 ? 1 : 0);
  }
  assert.equal(rows, 1000);
  const { slots, generations, keys, values, vanished } = columns.message();
  const u32 = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  assert.deepEqual(
    [...u32(slots)],
    Array.from({ length: 1000 }, (_, row) => row),
  );
  assert.deepEqual(
    [...u32(generations)],
    Array.from({ length: 1000 }, (_, row) => row + 1),
  );
  for (const row of [0, 255, 256, 257, 999]) {
    const low = [row & 0xff, row >> 8];
    assert.deepEqual([...keys.subarray(row * 6, row * 6 + 6)], [...low, 0, 0, row & 0xff, 0], `key ${row}`);
    assert.deepEqual([...values.subarray(row * 3, row * 3 + 3)], [...low, 0], `value ${row}`);
    assert.equal(vanished[row], row % 2 === 0 ? 1 : 0);
  }
  columns.clear();
  assert.equal(columns.hasRoom(), true);
});

test('columns never have more rows than they may, however few', () => {
  const columns = new RowColumns(4, 8, 1 << 20, 3);
  let rows = 0;
  for (; columns.hasRoom(); rows++) columns.append(rows, 1, new Uint32Array(1), 0, new Uint32Array(2), 0, 0);
  assert.equal(rows, 3);
});
