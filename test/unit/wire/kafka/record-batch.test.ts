import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { compressFrame } from 'lz4-napi';
import { CODEC, CODECS, lz4MaxBytes } from '../../../../wire/kafka/codecs.js';
import { BATCH_LIMITS, readBatch, type BatchRecord, type Place } from '../../../../wire/kafka/record-batch.js';
import { forSeeds } from '../../../harness/seed.js';
import { sealed, withRecords, writeBatch, type WrittenRecord } from '../../../harness/record-batch.js';

const WRITTEN: readonly WrittenRecord[] = [
  { key: 'host-1', value: Buffer.from('first') },
  { key: null, value: null, headers: { reason: 'frame_malformed', host: 'h' } },
  { key: 'host-2', value: Buffer.alloc(300, 'x') },
];
const FIRST_OFFSET = 2n ** 40n;

async function read(...batches: Buffer[]): Promise<BatchRecord[]> {
  const place: Place = { buffer: Buffer.concat(batches), offset: 0 };
  const records: BatchRecord[] = [];
  while (place.offset < place.buffer.length) records.push(...(await readBatch(place)).records);
  return records;
}

test('a batch is read as kafkajs reads it, whatever it is compressed with', async () => {
  const theirs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (
    decoder: unknown,
  ) => Promise<{ records: (BatchRecord & { batchContext: unknown })[] }>;
  const Decoder = createRequire(import.meta.url)('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => unknown;
  const plain = await writeBatch(WRITTEN, { firstOffset: FIRST_OFFSET });
  const expected = (await theirs(new Decoder(plain))).records.map((record) => ({ ...record, batchContext: null }));
  for (const codec of [0, ...CODECS.keys()]) {
    const records = await read(await writeBatch(WRITTEN, { firstOffset: FIRST_OFFSET, codec }));
    const plainHeaders = records.map((record) => ({ ...record, batchContext: null, headers: { ...record.headers } }));
    assert.deepEqual(plainHeaders, expected, `codec ${codec}`);
  }
});

test('a broker that stamps records itself is believed', async () => {
  const batch = await writeBatch(WRITTEN);
  batch.writeInt16BE(0x08, 21);
  batch.writeBigInt64BE(1234n, 35);
  assert.deepEqual(
    (await read(sealed(batch))).map(({ timestamp }) => timestamp),
    ['1234', '1234', '1234'],
  );
});

test('what is cut off is left for the next fetch', async () => {
  const batch = await writeBatch(WRITTEN);
  for (let length = 49; length < batch.length; length++) {
    const place = { buffer: batch.subarray(0, length), offset: 0 };
    await assert.rejects(readBatch(place), { name: 'KafkaJSPartialMessageError' });
    assert.equal(place.offset, 0);
  }
});

test('a batch that cannot be read is one placeholder, and the next batch is read', async () => {
  const good = await writeBatch(WRITTEN, { firstOffset: 3n });
  const broken = async (codec: number, records: Buffer): Promise<Buffer> =>
    withRecords(await writeBatch(WRITTEN), codec, records);
  const manyRecords = await writeBatch(WRITTEN);
  manyRecords.writeInt32BE(BATCH_LIMITS.maxRecords + 1, 57);
  sealed(manyRecords);
  const negative = await writeBatch(WRITTEN);
  negative.writeInt32BE(-1, 57);
  sealed(negative);
  const damaged = await writeBatch(WRITTEN);
  damaged[damaged.length - 1]! ^= 1;
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['another bit than was sent', damaged, 'batch_malformed'],
    ['no lz4', await broken(CODEC.lz4, Buffer.from('no frame')), 'batch_malformed'],
    ['no gzip', await broken(CODEC.gzip, Buffer.from('no gzip')), 'batch_malformed'],
    ['snappy', await broken(2, Buffer.from('x')), 'codec_unknown'],
    ['gzip bomb', await broken(CODEC.gzip, gzipSync(Buffer.alloc(BATCH_LIMITS.maxBatchBytes + 1))), 'batch_too_large'],
    ['lz4 bomb', await broken(CODEC.lz4, await compressFrame(Buffer.alloc(5 * 2 ** 22))), 'batch_too_large'],
    ['too many records', manyRecords, 'batch_too_large'],
    ['less than no records', negative, 'batch_malformed'],
    ['records beyond the end', await broken(0, Buffer.from([0x7e, 0, 0])), 'batch_malformed'],
    ['no records at all', await broken(0, Buffer.alloc(0)), 'batch_malformed'],
  ];
  for (const [name, bytes, reason] of cases) {
    const [placeholder, ...rest] = await read(bytes, good);
    assert.deepEqual([placeholder?.offset, placeholder?.unreadable], ['2', { reason, fromOffset: 0n }], name);
    assert.deepEqual(
      rest.map(({ offset }) => offset),
      ['3', '4', '5'],
      name,
    );
  }
});

test('a record with a million headers costs no more than its bytes', async () => {
  const headers = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`h${n}`, '']));
  const [record] = await read(await writeBatch([{ key: 'a', value: Buffer.from('b'), headers }]));
  assert.equal(record!.value?.toString(), 'b');
  assert.equal(Object.keys(record!.headers).length, 16);
});

test('small bombs in one answer: what is beyond the bound comes with the next fetch', async () => {
  const bomb = await writeBatch([{ key: 'a', value: Buffer.alloc(1000) }], { codec: CODEC.gzip });
  const place: Place = { buffer: Buffer.concat([bomb, bomb, bomb, bomb]), offset: 0 };
  const limits = { ...BATCH_LIMITS, maxAnswerBytes: 1500 };
  await readBatch(place, limits);
  await readBatch(place, limits);
  await assert.rejects(readBatch(place, limits), { name: 'KafkaJSPartialMessageError' });
});

test('mutated batches never throw anything but the end, and always step forward', async () => {
  const originals = await Promise.all([0, ...CODECS.keys()].map((codec) => writeBatch(WRITTEN, { codec })));
  await forSeeds(3000, async (next, _scope, seed) => {
    const bytes = Buffer.from(originals[seed % originals.length]!);
    for (let change = 0; change <= next() * 4; change++)
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    const place: Place = { buffer: bytes, offset: 0 };
    if (bytes.length > 21) sealed(bytes);
    try {
      await readBatch(place);
      assert.ok(place.offset >= 12);
    } catch (error) {
      assert.equal((error as Error).name, 'KafkaJSPartialMessageError');
    }
  });
});

test('what an lz4 frame can become is seen without decompressing it', async () => {
  for (const bytes of [0, 1, 1000, 70_000, 900_000, 2 ** 22, 2 ** 22 + 1]) {
    const zeros = await compressFrame(Buffer.alloc(bytes));
    const most = lz4MaxBytes(zeros);
    assert.ok(most >= bytes && most <= Math.max(2 ** 16, Math.ceil(bytes / 2 ** 22) * 2 ** 22), `${bytes}: ${most}`);
  }
  assert.equal(lz4MaxBytes(Buffer.from('no frame')), 0);
});
