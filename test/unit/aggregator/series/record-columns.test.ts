import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordColumns } from '../../../../aggregator/series/record-columns.js';
import { packU32 } from '../../../../wire/frame.js';

const lengths = (...numbers: number[]): Uint8Array => packU32(Uint32Array.from(numbers));

test('records lie back to back, each at a multiple of 8', () => {
  const columns = recordColumns({ data: new Uint8Array(40), lengths: lengths(16, 0, 9, 8) });
  assert.deepEqual([...columns.lengths], [16, 0, 9, 8]);
  assert.equal(recordColumns({ data: new Uint8Array(0), lengths: lengths() }).lengths.length, 0);
});

test('lengths that lie are a malformed frame', () => {
  for (const [bytes, column] of [
    [8, lengths(9)],
    [16, lengths(8)],
    [9, lengths(9)],
    [0, lengths(1)],
    [8, lengths()],
    // Their sum is 8 in 32 bits.
    [8, lengths(0xfffffff8, 16)],
    [8, lengths(0xffffffff)],
    [8, lengths(8).subarray(1)],
    [16, Uint8Array.from([...lengths(16), 0])],
  ] as const) {
    assert.throws(() => recordColumns({ data: new Uint8Array(bytes), lengths: column }), { code: 'FRAME_MALFORMED' });
  }
});
