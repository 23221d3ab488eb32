import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { lz4Compress, lz4Decompress, lz4MaxBytes } from '../../../../wire/kafka/lz4.js';
import { forSeeds } from '../../../harness/seed.js';

const LIMIT = 16 * 2 ** 20;

function randomBytes(length: number, next: () => number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => next() * 256));
}

/** A frame as another writer may make it: of stored blocks, with no size stated. */
function storedFrame(...blocks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from('04224d18607073', 'hex')];
  for (const block of blocks) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length + 2 ** 31);
    parts.push(length, block);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

test("a frame is what the format's own reader reads, and comes back, at any size", async () => {
  for (const bytes of [0, 1, 12, 13, 1000, 65_536, 65_537, 900 * 1024, 4 * 2 ** 20, 4 * 2 ** 20 + 1]) {
    const original = Buffer.alloc(bytes, 'as it repeats itself, it gets shorter. ');
    const frame = await lz4Compress(original);
    if (bytes > 1000) assert.ok(frame.length < bytes / 20, `${bytes}: ${frame.length}`);
    assert.ok(original.equals(await decompressFrame(frame)), `${bytes}, their reader`);
    assert.ok(original.equals(await lz4Decompress(frame, LIMIT)), `${bytes}, ours`);
  }
});

test('the head is that of the format: flags and size; its checksum is looked at by their reader', async () => {
  const frame = await lz4Compress(Buffer.alloc(300));
  // Version 1, independent blocks, the size; blocks of 4 MiB; 300 in 8 bytes.
  assert.equal(frame.subarray(0, 14).toString('hex'), '04224d18' + '6870' + '2c01000000000000');
  frame[14]! ^= 1;
  await assert.rejects(decompressFrame(frame));
});

test('what cannot be compressed is stored, 23 bytes longer', async () => {
  await forSeeds(20, async (next) => {
    const original = randomBytes(1 + Math.floor(next() * 5000), next);
    const frame = await lz4Compress(original);
    assert.ok(frame.length <= original.length + 23);
    assert.ok(original.equals(await decompressFrame(frame)));
    assert.ok(original.equals(await lz4Decompress(frame, LIMIT)));
  });
});

test('frames of others are read: several blocks, stored ones, no size', async () => {
  const original = Buffer.alloc(300_000, 'three hundred thousand bytes in blocks of 64 KiB. ');
  assert.ok(original.equals(await lz4Decompress(await compressFrame(original), LIMIT)));
  const stored = await lz4Decompress(storedFrame(Buffer.from('one '), Buffer.from('two')), LIMIT);
  assert.equal(stored.toString(), 'one two');
});

test('a size that is a lie is an error, and takes no memory', async () => {
  const original = Buffer.alloc(1000, 'x');
  for (const claim of [0n, 999n, 1001n, 4_194_304n, 2n ** 63n]) {
    const frame = await lz4Compress(original);
    frame.writeBigUInt64LE(claim, 6);
    await assert.rejects(lz4Decompress(frame, LIMIT), Error, `${claim}`);
  }
});

test('more than the limit is refused by what the frame can become', async () => {
  const frame = await lz4Compress(Buffer.alloc(2000));
  await assert.rejects(lz4Decompress(frame, 1999), RangeError);
  assert.equal((await lz4Decompress(frame, 2000)).length, 2000);
  await assert.rejects(lz4Decompress(await compressFrame(Buffer.alloc(2 ** 22 + 1)), 2 ** 22), RangeError);
});

test('mutated frames are an error or bytes within the limit', async () => {
  const original = await lz4Compress(Buffer.from('a frame, a frame, a frame, and another frame'.repeat(20)));
  let failed = 0;
  await forSeeds(5000, async (next) => {
    const frame = Buffer.from(original.subarray(0, original.length - Math.floor(next() * 3)));
    for (let change = 0; change <= next() * 3; change++) frame[Math.floor(next() * frame.length)] = next() * 256;
    try {
      assert.ok((await lz4Decompress(frame, LIMIT)).length <= LIMIT);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      failed++;
    }
  });
  assert.ok(failed > 1000, `${failed} were seen to be broken`);
});

test('what a frame can become is seen without decompressing it', async () => {
  for (const bytes of [0, 1, 1000, 70_000, 900_000, 2 ** 22, 2 ** 22 + 1]) {
    const zeros = await compressFrame(Buffer.alloc(bytes));
    const most = lz4MaxBytes(zeros);
    assert.ok(most >= bytes && most <= Math.max(2 ** 16, Math.ceil(bytes / 2 ** 22) * 2 ** 22), `${bytes}: ${most}`);
  }
  assert.equal(lz4MaxBytes(Buffer.from('no frame')), 0);
});
