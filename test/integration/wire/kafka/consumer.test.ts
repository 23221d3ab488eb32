import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CompressionTypes } from 'kafkajs';
import type { BusRecord } from '../../../../wire/bus.js';
import { KafkaClient } from '../../../../wire/kafka/client.js';
import { KafkaPublisher } from '../../../../wire/kafka/kafka-publisher.js';
import { loadKafkaJs } from '../../../../wire/kafka/kafkajs.js';
import {
  asAdmin,
  CheckedHandler,
  KeptLog,
  kafkaOptions,
  makeTopic,
  testConsumer,
  testPublisher,
  textRecord,
} from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka, type KafkaCluster } from '../../../services/kafka.js';

const PARTITION = 0;

async function publish(cluster: KafkaCluster, topic: string, ...records: BusRecord[]): Promise<void> {
  const publisher = new KafkaPublisher({ kafka: kafkaOptions(cluster.brokers), topic });
  for (const record of records) await publisher.publish([record]);
  await publisher.close();
}

const numbered = (from: number, to: number): BusRecord[] =>
  Array.from({ length: to - from }, (_, n) => textRecord('host', String(from + n)));

test('where a partition goes on, and what is missing there', async (t) => {
  const cluster = await startKafka(t);

  await t.test('a topic that is missing: said at once, with what to run', async () => {
    await assert.rejects(testConsumer(t, cluster, 'nowhere').start(new CheckedHandler()), {
      code: 'KAFKA_TOPIC',
      message: /no topic nowhere; run `sonde topics create`/,
    });
  });

  await t.test('what retention has removed is counted, and consuming goes on after it', async () => {
    const topic = await makeTopic(cluster, 1);
    await publish(cluster, topic, ...numbered(0, 10));
    await asAdmin(cluster, async (admin) => {
      // kafkajs must have asked for the topic before.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] });
    });
    const handler = new CheckedHandler();
    handler.state.next.set(PARTITION, 4n);
    const consumer = testConsumer(t, cluster, topic);
    await consumer.start(handler);
    await consumer.settled(30_000);
    assert.deepEqual(handler.texts(PARTITION), ['7', '8', '9']);
    assert.equal(consumer.stats.gaps, 3);
    assert.deepEqual([...consumer.lags()], [[PARTITION, 0n]]);
    await consumer.close();
  });

  await t.test('a place beyond the end of the log stops the partition, and says what to do', async () => {
    const topic = await makeTopic(cluster, 1);
    await publish(cluster, topic, ...numbered(0, 3));
    const handler = new CheckedHandler();
    handler.state.next.set(PARTITION, 5n);
    const consumer = testConsumer(t, cluster, topic);
    await consumer.start(handler);
    await until(() => consumer.lastError !== undefined, 'an error');
    assert.match(consumer.lastError!.message, /ends at offset 3, but its state goes on from 5.*remove the state/);
    assert.equal(consumer.shown().size, 0);
    // The log grows to where the state is: all is well again, from there.
    await publish(cluster, topic, ...numbered(3, 8));
    await until(() => consumer.shown().size === 1, 'the partition to be shown');
    assert.deepEqual(handler.texts(PARTITION), ['5', '6', '7']);
    assert.equal(consumer.lastError, undefined);
    await consumer.close();
  });

  await t.test('a state that cannot be read is asked for again, and nothing is handed over meanwhile', async () => {
    const topic = await makeTopic(cluster, 1);
    await publish(cluster, topic, ...numbered(0, 3));
    const handler = new CheckedHandler();
    let refusals = 2;
    const consumer = testConsumer(t, cluster, topic);
    await consumer.start({
      assigned: (partition) =>
        refusals-- > 0 ? Promise.reject(new Error('the state is away')) : handler.assigned(partition),
      apply: (partition, records) => handler.apply(partition, records),
      revoked: (partition) => handler.revoked(partition),
      leaving: () => handler.leaving(),
    });
    await until(() => consumer.lastError !== undefined, 'an error');
    assert.match(consumer.lastError!.message, /the state is away/);
    await consumer.settled(30_000);
    assert.deepEqual(handler.texts(PARTITION), ['0', '1', '2']);
    assert.deepEqual(handler.broken, []);
    assert.equal(consumer.lastError, undefined);
    await consumer.close();
  });

  await t.test(
    'a handler that throws: its partition is given up loudly, not skipped, the other one goes on',
    async () => {
      const topic = await makeTopic(cluster, 2);
      const publisher = testPublisher(t, cluster, topic);
      const keys = Array.from({ length: 20 }, (_, n) => `host-${n}`);
      await publisher.publish(keys.map((key) => textRecord(key, 'before')));
      const faults: string[] = [];
      const applied = [0, 0];
      const log = new KeptLog();
      const consumer = testConsumer(t, cluster, topic, {
        kafka: kafkaOptions(cluster.brokers, { log }),
        onFault: (error, partition) => faults.push(`${partition} ${(error as Error).message}`),
      });
      await consumer.start({
        assigned: () => Promise.resolve(undefined),
        apply: (partition, records) => {
          if (partition === 0) return Promise.reject(new TypeError('a fault'));
          applied[1]! += records.length;
          return Promise.resolve();
        },
        revoked: () => undefined,
        leaving: () => Promise.resolve(),
      });
      await until(() => faults.length > 0, 'the fault');
      const after = applied[1]!;
      await publisher.publish(keys.map((key) => textRecord(key, 'after')));
      await until(() => applied[1]! > after, 'the other partition');
      assert.deepEqual(faults, ['0 a fault']);
      assert.deepEqual([...consumer.shown()], [1]);
      assert.match(consumer.lastError!.message, /partition 0 is given up: a fault/);
      assert.equal(log.lines.filter((line) => line.startsWith('error')).length, 1);
      await publisher.close();
      await consumer.close();
    },
  );

  await t.test('markers of transactions, which nobody is handed, do not hold a partition up', async () => {
    const topic = await makeTopic(cluster, 1);
    const client = new KafkaClient(kafkaOptions(cluster.brokers));
    const producer = client.kafka.producer({
      transactionalId: topic,
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: loadKafkaJs().Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    for (const end of ['commit', 'abort', 'commit'] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: 'host', value: end, partition: 0 }] });
      await transaction[end]();
    }
    await producer.disconnect();
    const handler = new CheckedHandler();
    const texts: string[] = [];
    const consumer = testConsumer(t, cluster, topic);
    await consumer.start({
      assigned: () => Promise.resolve(undefined),
      apply: (_, records) => {
        for (const { value } of records) texts.push(Buffer.from(value).toString());
        return Promise.resolve();
      },
      revoked: () => undefined,
      leaving: () => handler.leaving(),
    });
    await consumer.settled(30_000);
    assert.deepEqual([...consumer.shown()], [PARTITION]);
    assert.deepEqual(texts, ['commit', 'abort', 'commit'], 'no record of ours is in a transaction: all are read');
    assert.deepEqual([...consumer.lags()], [[PARTITION, 0n]]);
    await consumer.close();
  });

  await t.test('a bomb, and a codec that is not there: left out and counted, what is around them is read', async () => {
    const snappy = await makeTopic(cluster, 1, { configEntries: [{ name: 'compression.type', value: 'snappy' }] });
    await publish(cluster, snappy, ...numbered(0, 2));
    const bombed = await makeTopic(cluster, 1);
    await publish(cluster, bombed, ...numbered(0, 2));
    await sendRaw(cluster, bombed, Buffer.alloc(17 * 2 ** 20));
    await publish(cluster, bombed, ...numbered(2, 4));
    for (const [topic, reason, count, texts] of [
      [snappy, 'codec_unknown', 2, []],
      [bombed, 'batch_too_large', 1, ['0', '1', '2', '3']],
    ] as const) {
      const log = new KeptLog();
      const consumer = testConsumer(t, cluster, topic, { kafka: kafkaOptions(cluster.brokers, { log }) });
      const found: string[] = [];
      await consumer.start({
        assigned: () => Promise.resolve(undefined),
        apply: (_, records) => {
          for (const { value } of records) found.push(Buffer.from(value).toString());
          return Promise.resolve();
        },
        revoked: () => undefined,
        leaving: () => Promise.resolve(),
      });
      await consumer.settled(30_000);
      assert.deepEqual(found, texts);
      assert.equal(consumer.stats.unreadable[reason], count);
      assert.equal(consumer.stats.gaps, 0);
      assert.deepEqual([...consumer.shown()], [PARTITION]);
      assert.ok(log.lines.some((line) => line.includes(reason)));
      await consumer.close();
    }
  });
});

/** A value compressed by gzip, past the publisher's bounds. */
async function sendRaw(cluster: KafkaCluster, topic: string, value: Buffer): Promise<void> {
  assert.ok(gzipSync(value).length < 2 ** 20);
  const client = new KafkaClient(kafkaOptions(cluster.brokers));
  const producer = client.kafka.producer({ createPartitioner: loadKafkaJs().Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ key: 'host', value, partition: 0 }] });
  await producer.disconnect();
}
