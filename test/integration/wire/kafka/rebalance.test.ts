import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CheckedHandler,
  keyOf,
  makeTopic,
  SharedState,
  testConsumer,
  testPublisher,
  textRecord,
} from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

const PARTITIONS = 6;
const KEYS = Array.from({ length: PARTITIONS }, (_, partition) => keyOf(partition, PARTITIONS));

test('members come and go while records flow: each partition goes on exactly where it was', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, PARTITIONS);
  const publisher = testPublisher(t, cluster, topic);
  await publisher.start();
  let published = 0;
  let isFlowing = true;
  const flow = (async () => {
    while (isFlowing) {
      const text = String(published++);
      await publisher.publish(KEYS.map((key) => textRecord(key, text)));
    }
  })();

  const state = new SharedState();
  const handlers = [0, 1, 2].map(() => new CheckedHandler(state));
  const members = handlers.map(() => testConsumer(t, cluster, topic));
  const shownByAll = (): number => members.reduce((sum, member) => sum + member.shown().size, 0);
  await members[0]!.start(handlers[0]!);
  await until(() => members[0]!.shown().size === PARTITIONS, 'one member to show all');
  await members[1]!.start(handlers[1]!);
  await until(() => members[1]!.shown().size === 3 && members[0]!.shown().size === 3, 'two members to share');
  await members[2]!.start(handlers[2]!);
  await until(() => members.every((member) => member.shown().size === 2), 'three members to share');
  await members[0]!.close();
  await until(() => shownByAll() === PARTITIONS, 'the others to take over');
  await members[1]!.close();
  await until(() => members[2]!.shown().size === PARTITIONS, 'one member to show all again');
  isFlowing = false;
  await flow;
  await until(() => [...members[2]!.lags().values()].every((lag) => lag === 0n), 'all to be read');
  await until(
    () => KEYS.every((_, partition) => (state.texts.get(partition)?.length ?? 0) >= published),
    'all records',
  );
  await members[2]!.close();
  await publisher.close();

  const expected = Array.from({ length: published }, (_, n) => String(n));
  for (let partition = 0; partition < PARTITIONS; partition++) {
    assert.deepEqual(state.texts.get(partition), expected, `partition ${partition}`);
  }
  for (const handler of handlers) assert.deepEqual(handler.broken, []);
  assert.ok(handlers[0]!.calls.includes('leaving'));
  assert.ok(handlers[0]!.calls.some((call) => call.startsWith('revoked')));
});
