import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { CheckedHandler, makeTopic, testConsumer, testPublisher, textRecord } from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

const PARTITION = 0;
const CLOSE_BOUND_MS = 10_000;

test('a broker that is killed and comes back: nothing is shown meanwhile, nothing lost or handed over twice', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 1);
  const publisher = testPublisher(t, cluster, topic);
  const handler = new CheckedHandler();
  const consumer = testConsumer(t, cluster, topic);
  await consumer.start(handler);
  await publisher.publish([textRecord('host', 'before')]);
  await until(() => handler.texts(PARTITION).length === 1, 'the first record');
  await cluster.kill();
  await until(() => consumer.shown().size === 0, 'nothing to be shown');
  await consumer.commit(PARTITION, 1n);
  await cluster.restart();
  await until(() => consumer.shown().size === 1, 'the partition to be shown again');
  await until(
    () =>
      publisher.publish([textRecord('host', 'after')]).then(
        () => true,
        () => false,
      ),
    'publishing to work again',
  );
  await until(() => handler.texts(PARTITION).includes('after'), 'the record after it');
  assert.deepEqual([...new Set(handler.texts(PARTITION))], ['before', 'after']);
  assert.deepEqual(handler.broken, []);
  assert.equal(consumer.lastError, undefined);
  await publisher.close();
  await consumer.close();
});

test('closing ends in time although no broker answers, and the handler leaves all the same', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 1);
  const publisher = testPublisher(t, cluster, topic);
  await publisher.start();
  const handlers = [new CheckedHandler(), new CheckedHandler()];
  const consumers = handlers.map(() => testConsumer(t, cluster, topic));
  for (const [at, consumer] of consumers.entries()) await consumer.start(handlers[at]!);
  await cluster.kill();
  const beganMs = performance.now();
  // One in the very moment, one after it has noticed.
  await consumers[0]!.close();
  await sleep(4000);
  const publishing = publisher.publish([textRecord('host', 'lost')]);
  const closing = Promise.all([consumers[1]!.close(), publisher.close()]);
  await assert.rejects(publishing);
  await closing;
  assert.ok(performance.now() - beganMs < 2 * CLOSE_BOUND_MS + 4000);
  for (const handler of handlers) assert.ok(handler.calls.includes('leaving'));
});

test('three brokers, and the leader is killed: acknowledged records are all there, in order', async (t) => {
  const cluster = await startKafka(t, { nodes: 3 });
  const topic = await makeTopic(cluster, 2);
  const publisher = testPublisher(t, cluster, topic);
  const handler = new CheckedHandler();
  const consumer = testConsumer(t, cluster, topic);
  await consumer.start(handler);
  const acknowledged: string[] = [];
  let isFlowing = true;
  const flow = (async () => {
    for (let n = 0; isFlowing;) {
      const text = String(n).padStart(6, '0');
      const isTaken = await publisher.publish([textRecord('host-0', text), textRecord('host-1', text)]).then(
        () => true,
        () => false,
      );
      // What was rejected is sent again, as a collector does.
      if (isTaken) {
        acknowledged.push(text);
        n++;
      } else {
        await sleep(50);
      }
    }
  })();
  for (const node of [1, 2, 3]) {
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 20, 'some records');
    await cluster.kill(node);
    const during = acknowledged.length;
    await until(() => acknowledged.length > during + 20, `publishing without node ${node}`);
    await cluster.restart(node);
  }
  isFlowing = false;
  await flow;
  await publisher.close();
  await until(() => consumer.shown().size === 2, 'both partitions to be shown');
  await until(() => [...consumer.lags().values()].every((lag) => lag === 0n), 'all to be read');
  const texts = [0, 1].flatMap((partition) => [...handler.texts(partition)]);
  assert.deepEqual([...new Set(texts)].sort(), acknowledged);
  for (const partition of [0, 1]) {
    const inOrder = [...new Set(handler.texts(partition))];
    assert.deepEqual(inOrder, [...inOrder].sort(), `partition ${partition}`);
  }
  assert.deepEqual(handler.broken, []);
  await consumer.close();
});
