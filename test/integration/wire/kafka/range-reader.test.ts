import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { RANGE_GROUP_PREFIX, readRange } from '../../../../wire/kafka/range-reader.js';
import {
  asAdmin,
  kafkaOptions,
  keyOf,
  makeTopic,
  textOf,
  testPublisher,
  textRecord,
} from '../../../harness/kafka-bus.js';
import { startKafka } from '../../../services/kafka.js';

const KEYS = [0, 1, 2].map((partition) => keyOf(partition, 3));

test('a range of time is read, partition by partition in order, and nothing is left behind', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 3, {
    configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
  });
  const kafka = kafkaOptions(cluster.brokers);
  const publisher = testPublisher(t, cluster, topic);
  const publish = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await publisher.publish(KEYS.map((key) => textRecord(key, String(n))));
  };
  // Stamps of the broker's clock, a moment apart from what is before and after.
  const stamp = async (): Promise<number> => {
    await sleep(20);
    const nowMs = Date.now();
    await sleep(20);
    return nowMs;
  };
  await publish(0, 10);
  const fromMs = await stamp();
  await publish(10, 30);
  const toMs = await stamp();
  await publish(30, 40);
  await publisher.close();

  const read = async (range: { fromMs: number; toMs: number }): Promise<Map<number, string[]>> => {
    const found = new Map<number, string[]>();
    let under = 0;
    const { records } = await readRange({ kafka, topic, ...range }, async (partition, record) => {
      assert.equal(++under, 1, 'one record at a time');
      await sleep(1);
      found.set(partition, [...(found.get(partition) ?? []), textOf(record)]);
      under--;
    });
    assert.equal(records, [...found.values()].flat().length);
    return found;
  };
  const texts = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n));

  assert.deepEqual(
    [...(await read({ fromMs, toMs })).entries()].sort(),
    [0, 1, 2].map((p) => [p, texts(10, 30)]),
  );
  assert.deepEqual(
    [...(await read({ fromMs: 0, toMs: Date.now() + 60_000 })).values()],
    [0, 1, 2].map(() => texts(0, 40)),
  );
  assert.equal((await read({ fromMs: toMs + 3_600_000, toMs: toMs + 7_200_000 })).size, 0);

  await assert.rejects(
    readRange({ kafka, topic, fromMs, toMs }, () => {
      throw new Error('disk full');
    }),
    /disk full/,
  );
  const ending = new AbortController();
  await assert.rejects(
    readRange({ kafka, topic, fromMs, toMs, signal: ending.signal }, () => ending.abort()),
    { code: 'ABORTED' },
  );
  await assert.rejects(
    readRange({ kafka, topic: 'nowhere', fromMs, toMs }, () => undefined),
    { code: 'KAFKA_TOPIC' },
  );
  const { groups } = await asAdmin(cluster, (admin) => admin.listGroups());
  assert.deepEqual(
    groups.filter(({ groupId }) => groupId.startsWith(RANGE_GROUP_PREFIX)),
    [],
  );
});
