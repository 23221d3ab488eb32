import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTopics, TOPICS } from '../../../../wire/kafka/topics.js';
import { asAdmin, kafkaOptions } from '../../../harness/kafka-bus.js';
import { startKafka } from '../../../services/kafka.js';

test('topics are made once; a second time says what is there and how it differs', async (t) => {
  const cluster = await startKafka(t);
  const kafka = kafkaOptions(cluster.brokers);
  const first = await createTopics(kafka, { partitions: 5, retentionMs: 3_600_000 });
  assert.deepEqual(
    first.map(({ differences, made, partitions, replication, topic }) => [
      topic,
      made,
      partitions,
      replication,
      differences,
    ]),
    [
      [TOPICS.frames, true, 5, 1, []],
      [TOPICS.deadLetters, true, 1, 1, []],
      [TOPICS.control, true, 1, 1, []],
    ],
  );
  const same = await createTopics(kafka, { partitions: 5, retentionMs: 3_600_000 });
  assert.deepEqual(
    same.map(({ differences, made }) => [made, differences]),
    [
      [false, []],
      [false, []],
      [false, []],
    ],
  );
  const other = await createTopics(kafka, { partitions: 9, retentionMs: 7_200_000 });
  assert.deepEqual(other[0]!.partitions, 5);
  assert.match(other[0]!.differences.join('\n'), /5 partitions, not 9.*\n.*retention\.ms=3600000, not 7200000/);
});

test('a topic that would refuse a full frame is told', async (t) => {
  const cluster = await startKafka(t);
  await asAdmin(cluster, (admin) =>
    admin.createTopics({
      topics: [{ topic: TOPICS.frames, configEntries: [{ name: 'max.message.bytes', value: '100000' }] }],
      waitForLeaders: true,
    }),
  );
  const [frames] = await createTopics(kafkaOptions(cluster.brokers), { partitions: 1 });
  assert.ok(frames!.differences.some((difference) => difference.includes('max.message.bytes=100000')));
});

test('more copies than brokers: refused in words, nothing made', async (t) => {
  const cluster = await startKafka(t);
  await assert.rejects(createTopics(kafkaOptions(cluster.brokers), { replication: 3 }), {
    code: 'KAFKA_REFUSED',
    message: /replication|brokers/i,
  });
});
