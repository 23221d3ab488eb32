import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../../../wire/kafka/client.js';
import { KafkaDeadLetters } from '../../../../wire/kafka/kafka-dead-letters.js';
import type { DeadLetter } from '../../../../wire/bus.js';
import type { ClosedBatch } from '../../../../wire/kafka/record-batch.js';
import { freePort } from '../../../harness/free-port.js';
import { kafkaOptions, makeTopic } from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

function letter(n: number, bytes = 3): DeadLetter {
  const record = { key: `host-${n}`, value: Buffer.alloc(bytes, String(n)), offset: BigInt(n), timestampMs: 0 };
  return { partition: 7, reason: 'frame_malformed', record };
}

test('dead letters arrive unchanged, with where they came from and why', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 2);
  const letters = new KafkaDeadLetters({ kafka: kafkaOptions(cluster.brokers), topic });
  for (let n = 0; n < 5; n++) letters.bury(letter(n));
  await letters.close();
  assert.equal(letters.stats.sent, 5);
  letters.bury(letter(9));
  assert.equal(letters.stats.lost.closed, 1);

  const client = new KafkaClient(kafkaOptions(cluster.brokers));
  const consumer = client.kafka.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const found: string[] = [];
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const closed of batch.messages as readonly unknown[] as readonly ClosedBatch[]) {
        for (const { headers, key, value } of await closed.open()) {
          const texts = Object.entries(headers).map(([name, text]) => `${name}=${text.toString()}`);
          found.push(`${key!.toString()} ${value!.toString()} ${texts.join(' ')}`);
        }
      }
    },
  });
  await until(() => found.length === 5, 'five letters');
  await consumer.disconnect();
  assert.deepEqual(
    found.sort(),
    [0, 1, 2, 3, 4].map(
      (n) => `host-${n} ${`${n}`.repeat(3)} host=host-${n} partition=7 offset=${n} reason=frame_malformed`,
    ),
  );
});

test('a letter that the topic does not take is lost by itself', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 1, { configEntries: [{ name: 'max.message.bytes', value: '20000' }] });
  const letters = new KafkaDeadLetters({ kafka: kafkaOptions(cluster.brokers), topic });
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, n) => ((n * n * 31) % 251) ^ (n >> 3)));
  letters.bury(letter(1));
  letters.bury({ ...letter(2), record: { ...letter(2).record, value: noise } });
  letters.bury(letter(3));
  await until(() => letters.stats.sent === 2, 'the other two');
  await letters.close();
  assert.deepEqual(letters.stats.lost, { rate: 0, overflow: 0, too_large: 1, closed: 0 });
});

test('brokers away: nothing blocks, the newest are kept, and the end does not wait for long', async () => {
  let nowMs = 0;
  const letters = new KafkaDeadLetters({
    kafka: kafkaOptions([`127.0.0.1:${await freePort()}`]),
    maxWaitingBytes: 10_000,
    maxPerSecond: 20,
    now: () => nowMs,
  });
  for (let n = 0; n < 25; n++) letters.bury(letter(n, 1000));
  assert.equal(letters.stats.lost.rate, 5);
  nowMs = 1000;
  letters.bury(letter(30, 1000));
  assert.equal(letters.stats.lost.overflow, 21 - 6);
  assert.ok(letters.waitingBytes <= 10_000);
  await letters.close();
  assert.deepEqual(letters.stats.lost, { rate: 5, overflow: 15, too_large: 0, closed: 6 });
});
