import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doubleOf } from '../../../../aggregator/series/double.js';
import { RecordValue } from '../../../../aggregator/series/record-value.js';

const BYTES = [0x80, 0x01, 0xff, 0x7f, 0xfe, 0x02, 0x03, 0xf0];

/** The value at offset 3 of a record at 8, as a signed 64-bit number. */
function read(size: 1 | 2 | 4 | 8, signed: boolean, littleEndian: boolean): bigint {
  const view = new DataView(Uint8Array.from([...new Array<number>(11).fill(0x55), ...BYTES]).buffer);
  const value = new RecordValue({ offset: 3, size, signed, kind: 'int' }, littleEndian);
  value.read(view, 8);
  const bits = (BigInt(value.hi) << 32n) | BigInt(value.lo);
  assert.equal(value.negative, signed && bits >= 2n ** 63n);
  return signed ? BigInt.asIntN(64, bits) : bits;
}

/** The same by Buffer, which has a method for each. */
function expected(size: number, signed: boolean, littleEndian: boolean): bigint {
  const bytes = Buffer.from(BYTES.slice(0, size));
  const number = BigInt(`0x${(littleEndian ? Buffer.from(bytes).reverse() : bytes).toString('hex')}`);
  return signed ? BigInt.asIntN(size * 8, number) : number;
}

test('integers of every size, sign and byte order', () => {
  for (const size of [1, 2, 4, 8] as const) {
    for (const signed of [false, true]) {
      for (const littleEndian of [false, true]) {
        assert.equal(read(size, signed, littleEndian), expected(size, signed, littleEndian), `${size} ${signed}`);
      }
    }
  }
});

test('floats of both sizes and byte orders', () => {
  for (const [size, put] of [
    [4, 'setFloat32'],
    [8, 'setFloat64'],
  ] as const) {
    for (const littleEndian of [false, true]) {
      const view = new DataView(new ArrayBuffer(16));
      view[put](4, -0.15625, littleEndian);
      const value = new RecordValue({ offset: 4, size, signed: true, kind: 'float' }, littleEndian);
      value.read(view, 0);
      assert.equal(doubleOf(value.lo, value.hi), -0.15625);
    }
  }
});
