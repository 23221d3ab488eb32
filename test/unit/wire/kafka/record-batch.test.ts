import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { compressFrame } from 'lz4-napi';
import { CODEC, CODECS } from '../../../../wire/kafka/codecs.js';
import { BATCH_LIMITS, takeBatch, type BatchRecord, type Place } from '../../../../wire/kafka/record-batch.js';
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
  while (place.offset < place.buffer.length) {
    for (const closed of (await takeBatch(place)).records) {
      const opened = await closed.open();
      assert.equal(closed.offset, opened.at(-1)!.offset);
      records.push(...opened);
    }
  }
  return records;
}

test('a batch is read as kafkajs reads it, whatever it is compressed with', async () => {
  const theirs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (
    decoder: unknown,
  ) => Promise<{ records: (BatchRecord & { magicByte: number; isControlRecord: boolean; batchContext: unknown })[] }>;
  const Decoder = createRequire(import.meta.url)('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => unknown;
  const plain = await writeBatch(WRITTEN, { firstOffset: FIRST_OFFSET });
  const expected = (await theirs(new Decoder(plain))).records.map(
    ({ attributes, headers, key, offset, timestamp, value }) => ({
      attributes,
      headers,
      key,
      offset,
      timestamp,
      value,
    }),
  );
  for (const codec of [0, ...CODECS.keys()]) {
    const records = await read(await writeBatch(WRITTEN, { firstOffset: FIRST_OFFSET, codec }));
    const plainHeaders = records.map((record) => ({ ...record, headers: { ...record.headers } }));
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
    await assert.rejects(takeBatch(place), { name: 'KafkaJSPartialMessageError' });
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

test('batches are decompressed when they are opened, and until then are the last of their offsets', async () => {
  const first = await writeBatch(WRITTEN, { codec: CODEC.lz4, firstOffset: FIRST_OFFSET });
  const place: Place = { buffer: Buffer.concat([first, first]), offset: 0 };
  const { records } = await takeBatch(place);
  assert.equal(place.offset, first.length);
  assert.deepEqual(
    records.map(({ offset }) => offset),
    [String(FIRST_OFFSET + 2n)],
  );
  // What is changed after the checksum was looked at is seen only by decompressing it.
  place.buffer.fill(0xff, 61, first.length);
  const [opened] = await records[0]!.open();
  assert.equal(opened?.unreadable?.reason, 'batch_malformed');
});

test("the broker's own records are told by their key", async () => {
  const marker = await writeBatch([{ key: '\0\0\0\0', value: Buffer.alloc(6) }]);
  marker.writeInt16BE(0x30, 21);
  const [closed] = (await takeBatch({ buffer: sealed(marker), offset: 0 })).records;
  assert.deepEqual(
    [closed!.isControlRecord, closed!.key, closed!.batchContext.inTransaction],
    [true, Buffer.alloc(4), true],
  );
});

test('a batch of the broker without a record ends nothing', async () => {
  const empty = withRecords(await writeBatch(WRITTEN), 0, Buffer.alloc(0));
  empty.writeInt16BE(0x20, 21);
  empty.writeInt32BE(0, 57);
  const [closed] = (await takeBatch({ buffer: sealed(empty), offset: 0 })).records;
  assert.deepEqual([closed!.isControlRecord, closed!.key, await closed!.open()], [true, null, []]);
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
      const { records } = await takeBatch(place);
      assert.ok(place.offset >= 12);
      for (const closed of records) assert.ok(Array.isArray(await closed.open()));
    } catch (error) {
      assert.equal((error as Error).name, 'KafkaJSPartialMessageError');
    }
  });
});
