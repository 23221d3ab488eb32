import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOf } from '../../../../wire/kafka/murmur2.js';

/** Hashes that the Java client's own tests state. */
const KNOWN: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

test('hashes are those of the Java client', () => {
  for (const [text, hash] of KNOWN) assert.equal(murmur2(Buffer.from(text)), hash, text);
});

test('a partition is the hash without its sign, modulo their number', () => {
  assert.equal(partitionOf('21', 12), (-973932308 & 0x7fffffff) % 12);
  assert.equal(partitionOf('abc', 12), 479470107 % 12);
  assert.equal(partitionOf('', 1), 0);
});

test('a key is hashed by its UTF-8 bytes', () => {
  assert.equal(
    partitionOf('hôte', 1000),
    (murmur2(new Uint8Array([0x68, 0xc3, 0xb4, 0x74, 0x65])) & 0x7fffffff) % 1000,
  );
});
