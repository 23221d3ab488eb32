import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Simulation } from '../../collector/simulate/simulation.js';
import { readTail } from '../../wire/kafka/tail-reader.js';
import { kafkaOptions, makeTopic, testPublisher } from '../harness/kafka-bus.js';
import { ReferenceTruth } from '../harness/reference-truth.js';
import { samplesByName } from '../harness/samples.js';
import { startKafka } from '../services/kafka.js';

/** By the log of the topic the last frames have come when nothing has for this long. */
const QUIET_MS = 2000;

test('the truth survives a broker that is killed and comes back, and is what the topic holds', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, 3);
  const fromMs = Date.now();
  const stop = new AbortController();
  const reference = new ReferenceTruth();
  let [frames, seenMs] = [0, 0];
  const reading = readTail(
    { kafka: kafkaOptions(cluster.brokers), topic, fromMs, signal: stop.signal },
    (_, records) => {
      for (const { value } of records) reference.take(value);
      frames += records.length;
      seenMs = performance.now();
      return Promise.resolve();
    },
  );

  const simulation = new Simulation({
    bus: testPublisher(t, cluster, topic),
    hosts: 12,
    firstHost: 1,
    seriesPerHost: 80,
    ratePerSecond: 2000,
    seed: 21,
    pollIntervalMs: 500,
    drainIntervalMs: 100,
    keyframeIntervalMs: 2000,
    churn: 0.05,
    architectures: ['x86_64', 's390x'],
    maxHeldBytes: 16 * 1024 * 1024,
    metricPrefix: 'p_',
    version: 'test',
  });
  const end = new AbortController();
  const running = simulation.runUntil(end.signal);
  await sleep(2000);
  await cluster.kill();
  await sleep(1000);
  await cluster.restart();
  await sleep(3000);
  end.abort();
  await running;
  await simulation.settle(60_000);
  const { unsettledHosts, failures, acknowledgedFrames, lostRecords } = simulation.summary();
  assert.deepEqual([unsettledHosts, lostRecords], [0, 0]);
  assert.ok(failures > 0, 'the broker was missed');

  while (frames < acknowledgedFrames || performance.now() - seenMs < QUIET_MS) await sleep(100);
  stop.abort();
  assert.deepEqual(await reading, { gaps: 0, unreadable: 0 });
  assert.deepEqual([...samplesByName(reference.samples('p_'))].sort(), [...samplesByName(simulation.truth())].sort());
});
