import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decoderOf, ofBits } from '../../../../aggregator/decode/by-type.js';
import { Facts } from '../../../../aggregator/decode/facts.js';
import type { TypeLayout } from '../../../../wire/layout/type-layout.js';
import { array, bool, char, enumeration, int, pointer, s32, u32, u8 } from '../../wire/layout/layouts.js';

const facts = new Facts(1);

function text(type: TypeLayout, bytes: readonly number[], littleEndian = true): string {
  return Buffer.from(decoderOf(type)(Uint8Array.from(bytes), { facts, littleEndian, arch: 'x86_64' })!).toString();
}

/** As clang 15 and newer write it, and as older ones did: the same bytes, said to be unsigned. */
const signedEnum = enumeration('state', true, { DOWN: -1n, IDLE: 0n, UP: 7n });
const oldEnum = enumeration('state', false, { DOWN: 0xffff_ffffn, IDLE: 0n, UP: 7n });

const TABLE: readonly (readonly [TypeLayout, readonly number[], string])[] = [
  [u32, [0, 0, 0, 0x80], '2147483648'],
  [s32, [0, 0, 0, 0x80], '-2147483648'],
  [int('s64', 8, true), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], '-2'],
  [int('s8', 1, true), [0x7f], '127'],
  [char, [65], '65'],
  [bool, [0], 'false'],
  [bool, [1], 'true'],
  [bool, [3], '3'],
  [signedEnum, [7, 0, 0, 0], 'UP'],
  [signedEnum, [0xff, 0xff, 0xff, 0xff], 'DOWN'],
  [signedEnum, [0xfe, 0xff, 0xff, 0xff], 'unknown:-2'],
  [oldEnum, [0xff, 0xff, 0xff, 0xff], 'DOWN'],
  [oldEnum, [1, 0, 0, 0], 'unknown:1'],
  [array(char, 4), [0x61, 0x62, 0, 0x63], 'ab'],
  [array(u8, 3), [0, 0xab, 0x10], '00ab10'],
];
for (const [type, bytes, expected] of TABLE) {
  test(`${type.kind} ${type.name} of [${bytes.join()}] is ${expected}`, () =>
    assert.equal(text(type, bytes), expected));
}

test('numbers are read in the byte order of the host', () => {
  assert.equal(text(s32, [0xff, 0xff, 0xff, 0xfe], false), '-2');
  assert.equal(text(signedEnum, [0, 0, 0, 7], false), 'UP');
});

test('what has no text by itself is a fault of whoever has not checked it', () => {
  for (const type of [pointer, array(u32, 2), array(char, 0), null]) assert.throws(() => decoderOf(type), /no text/);
});

/**
 * A bit-field of a type, by the C ABI: struct { T before: 5; T it: 10; … } with it = `value`, before = 31 and 1s behind it. On a
 * little-endian machine the first bit-field has the lowest bits of the first bytes, on a big-endian one the highest.
 */
const BITS: readonly (readonly [type: TypeLayout, bytes: readonly number[], little: boolean, expected: string])[] = [
  // 0b1_0110100101_11111: 0x B4BF → bytes BF B4.
  [u32, [0xbf, 0xb4], true, '421'],
  // 0b11111_0110100101_1: 0x FB4B → bytes FB 4B.
  [u32, [0xfb, 0x4b], false, '421'],
  // 10 bits of 1s: -1, and as unsigned 1023.
  [s32, [0xff, 0xff], true, '-1'],
  [u32, [0xff, 0xff], true, '1023'],
  // -512, the lowest of 10 bits: 0b0_1000000000_00000 = 0x4000.
  [s32, [0x00, 0x40], true, '-512'],
  [s32, [0x04, 0x00], false, '-512'],
];
for (const [type, bytes, littleEndian, expected] of BITS) {
  test(`10 bits of ${type.name} in [${bytes.join()}], ${littleEndian ? 'little' : 'big'} endian, are ${expected}`, () => {
    const decode = ofBits(decoderOf(type), { offset: 5, length: 10 }, type);
    assert.equal(
      Buffer.from(decode(Uint8Array.from(bytes), { facts, littleEndian, arch: 'x86_64' })!).toString(),
      expected,
    );
  });
}

test('a decoder that is named reads a bit-field as a member of its type', () => {
  let seen: Uint8Array | undefined;
  const decode = ofBits((input) => (seen = input), { offset: 5, length: 10 }, s32);
  decode(Uint8Array.from([0xff, 0xff]), { facts, littleEndian: true, arch: 'x86_64' });
  assert.deepEqual([...seen!], [0xff, 0xff, 0xff, 0xff]);
});
