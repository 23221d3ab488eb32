import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CheckedHandler,
  keyOf,
  makeTopic,
  testConsumer,
  testPublisher,
  textRecord,
} from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

test('what is wrong with a publish is said, and nothing else suffers', async (t) => {
  const cluster = await startKafka(t);

  await t.test('a topic that is missing: says what to run', async () => {
    const publisher = testPublisher(t, cluster, 'nowhere');
    await assert.rejects(publisher.start(), {
      code: 'KAFKA_TOPIC',
      message: /no topic nowhere; run `sonde topics create`/,
    });
    await assert.rejects(publisher.publish([textRecord('a', 'b')]), { code: 'KAFKA_TOPIC' });
    await publisher.close();
  });

  await t.test('a record that is too large: nothing of its publish is sent', async () => {
    const topic = await makeTopic(cluster, 1);
    const publisher = testPublisher(t, cluster, topic);
    const large = { key: 'a', value: new Uint8Array(900 * 1024 + 1) };
    await assert.rejects(publisher.publish([textRecord('a', 'before'), large]), { code: 'RECORD_TOO_LARGE' });
    await publisher.publish([{ key: 'a', value: Buffer.alloc(900 * 1024, 'x') }]);
    assert.deepEqual([publisher.stats.records, publisher.stats.bytes], [1, 900 * 1024]);
    await publisher.close();
    await assert.rejects(publisher.publish([textRecord('a', 'late')]), { code: 'CLOSED' });
  });

  await t.test('a topic that takes less than it should gets smaller sends, in order', async () => {
    const topic = await makeTopic(cluster, 1, { configEntries: [{ name: 'max.message.bytes', value: '100000' }] });
    const publisher = testPublisher(t, cluster, topic, { compression: 'none' });
    await publisher.start();
    const texts = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(30_000));
    const publishes = texts.map((text) => publisher.publish([textRecord('a', text)]));
    const tooLarge = publisher.publish([textRecord('a', 'x'.repeat(200_000))]);
    await Promise.all(publishes);
    await assert.rejects(tooLarge, { code: 'RECORD_TOO_LARGE', message: /max.message.bytes/ });
    const handler = new CheckedHandler();
    const consumer = testConsumer(t, cluster, topic);
    await consumer.start(handler);
    await until(() => handler.texts(0).length === 20, 'all records');
    assert.deepEqual(handler.texts(0), texts);
    await consumer.close();
    await publisher.close();
  });

  await t.test('a publish is sent whenever it is made after another one', async () => {
    const topic = await makeTopic(cluster, 1);
    const publisher = testPublisher(t, cluster, topic);
    for (let turns = 0; turns < 12; turns++) {
      await publisher.publish([textRecord('a', 'first')]);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await publisher.publish([textRecord('a', 'second')]);
    }
    await publisher.close();
  });

  await t.test('records of many keys reach the partitions of their keys', async () => {
    const topic = await makeTopic(cluster, 3);
    const publisher = testPublisher(t, cluster, topic);
    await publisher.publish([2, 0, 1, 2].map((partition) => textRecord(keyOf(partition, 3), `to ${partition}`)));
    assert.equal(publisher.partitionCount, 3);
    const handler = new CheckedHandler();
    const consumer = testConsumer(t, cluster, topic);
    await consumer.start(handler);
    await consumer.settled(30_000);
    assert.deepEqual(
      [0, 1, 2].map((partition) => handler.texts(partition)),
      [['to 0'], ['to 1'], ['to 2', 'to 2']],
    );
    await consumer.close();
    await publisher.close();
  });
});

test('brokers away: publishes reject at once, nothing is overtaken, and all goes on when they are back', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 1);
  const publisher = testPublisher(t, cluster, topic, { sendTimeoutMs: 3000 });
  await publisher.publish([textRecord('a', '0')]);
  await cluster.kill();
  const waiting = ['1', '2', '3'].map((text) => publisher.publish([textRecord('a', text)]));
  for (const publish of waiting) await assert.rejects(publish, { code: 'KAFKA_AWAY' });
  await assert.rejects(publisher.publish([textRecord('a', '1')]), { code: 'KAFKA_AWAY' });
  assert.ok(publisher.stats.refused > 0, 'refused without an attempt');
  assert.equal(publisher.waitingBytes, 0);
  assert.ok(publisher.lastError !== undefined);
  await cluster.restart();
  let next = 1;
  await until(async () => {
    try {
      await publisher.publish([textRecord('a', String(next))]);
      next++;
    } catch {
      // Its pause is not over yet.
    }
    return next > 5;
  }, 'publishing to work again');
  assert.equal(publisher.lastError, undefined);

  const handler = new CheckedHandler();
  const consumer = testConsumer(t, cluster, topic);
  await consumer.start(handler);
  await consumer.settled(30_000);
  // What was rejected may have arrived all the same, but never after what came later.
  const inOrder = [...new Set(handler.texts(0))];
  assert.deepEqual(inOrder, ['0', '1', '2', '3', '4', '5']);
  await consumer.close();
  await publisher.close();
});
