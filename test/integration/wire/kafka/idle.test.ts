import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { CheckedHandler, makeTopic, testConsumer, testPublisher, textRecord } from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

/** How many timers fire within that time, without the one that measures it. */
async function timersWithin(ms: number): Promise<number> {
  const timers = new Set<number>();
  let fired = 0;
  const hook = createHook({
    init: (id, type) => type === 'Timeout' && timers.add(id),
    before: (id) => timers.has(id) && fired++,
  });
  // Those that were made before count too: whatever fires again and again is made anew, or is seen by its resource.
  hook.enable();
  await sleep(ms);
  hook.disable();
  return fired - 1;
}

test('connections without traffic fire no timers', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 1);
  const publisher = testPublisher(t, cluster, topic);
  await publisher.publish([textRecord('host', 'once')]);
  // The last check for requests that timed out.
  await sleep(500);
  assert.ok(!process.getActiveResourcesInfo().includes('Timeout'), 'no timer of an idle publisher is waiting');
  assert.equal(await timersWithin(1000), 0);

  const consumer = testConsumer(t, cluster, topic, { sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1000 });
  const handler = new CheckedHandler();
  await consumer.start(handler);
  await until(() => handler.texts(0).length === 1, 'the record');
  // Ten looks a second at the fetch that is always under way, and its heartbeats; unmended it is a thousand.
  const fired = await timersWithin(1000);
  assert.ok(fired < 40, `${fired} timers`);
  await consumer.close();
  await publisher.close();
});
