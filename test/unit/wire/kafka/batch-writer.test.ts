import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchWriter } from '../../../../wire/kafka/batch-writer.js';
import { CODECS } from '../../../../wire/kafka/codecs.js';
import { takeBatch, type BatchRecord } from '../../../../wire/kafka/record-batch.js';
import { writeBatch, type WrittenRecord } from '../../../harness/record-batch.js';

const FIRST_MS = 1_700_000_000_000;

const RECORDS: readonly WrittenRecord[] = [
  { key: 'host-1', value: Buffer.from('first') },
  { key: null, value: null, headers: { reason: 'frame_malformed', host: 'hôst' } },
  { key: 'ключ', value: Buffer.alloc(70_000, 'x') },
  ...Array.from({ length: 70 }, (_, n) => ({ key: `k${n}`, value: Buffer.alloc(n) })),
];

function batchOf(records: readonly WrittenRecord[], compression = 0): Parameters<BatchWriter['write']>[0] {
  return {
    compression,
    firstTimestamp: FIRST_MS,
    maxTimestamp: String(FIRST_MS + records.length),
    lastOffsetDelta: records.length - 1,
    records: records.map((record, n) => ({ ...record, offsetDelta: n, timestampDelta: n === 0 ? -5 : n * 1e10 })),
  };
}

test('a batch is the one that kafkajs would write, to the byte', async () => {
  const ours = await new BatchWriter().write({
    ...batchOf(RECORDS),
    records: RECORDS.map((record, n) => ({ ...record, offsetDelta: n, timestampDelta: n })),
  });
  assert.deepEqual(ours, await writeBatch(RECORDS, { firstTimestampMs: FIRST_MS }));
});

async function opened(buffer: Buffer): Promise<readonly BatchRecord[]> {
  const { records } = await takeBatch({ buffer, offset: 0 });
  return records[0]!.open();
}

test('what is written compressed is read again, deltas of more than 32 bits included', async () => {
  const writer = new BatchWriter();
  for (const codec of [0, ...CODECS.keys()]) {
    const records = await opened(await writer.write(batchOf(RECORDS, codec)));
    assert.deepEqual(
      records.map(({ key, offset, timestamp, value }) => [key?.toString() ?? null, offset, timestamp, value]),
      RECORDS.map(({ key, value }, n) => [key, String(n), String(FIRST_MS + (n === 0 ? -5 : n * 1e10)), value]),
      `codec ${codec}`,
    );
  }
});

test('batches that are written at the same time do not get into each other', async () => {
  const writer = new BatchWriter();
  const lists = Array.from({ length: 8 }, (_, list) => [{ key: `${list}`, value: Buffer.alloc(200_000, list) }]);
  for (let round = 0; round < 3; round++) {
    const written = await Promise.all(lists.map((records) => writer.write(batchOf(records, 3))));
    for (const [list, buffer] of written.entries()) {
      const [record] = await opened(buffer);
      assert.deepEqual(record!.value, lists[list]![0]!.value);
    }
  }
});
