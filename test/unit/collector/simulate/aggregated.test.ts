import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { Aggregator } from '../../../../aggregator/aggregator.js';
import { aggregatorMetrics } from '../../../../aggregator/metrics.js';
import { exposition } from '../../../../aggregator/output/prometheus/exposition.js';
import { Simulation } from '../../../../collector/simulate/simulation.js';
import { createLogger } from '../../../../lib/log.js';
import { seededRandom } from '../../../../lib/random.js';
import { MemoryBus } from '../../../../wire/memory-bus.js';
import { SIMULATION } from '../../../harness/recorded-simulation.js';
import type { Sample } from '../../../harness/reference-truth.js';
import { readSamples, samplesByName } from '../../../harness/samples.js';
import { UnreliableBus } from '../../../harness/unreliable-bus.js';

test('an aggregator shows the truth to the unit, over a bus that refuses, loses and repeats', async () => {
  const bus = new MemoryBus();
  const registry = new Registry();
  const aggregator = new Aggregator({
    consumer: bus,
    metrics: aggregatorMetrics(registry),
    log: createLogger({ debug: false, timestamps: false }).child({}, { level: 'silent' }),
    metricPrefix: 'p_',
    maxSeriesPerMetric: 10_000,
  });
  await aggregator.start();
  const random = seededRandom(11);
  const unreliable = new UnreliableBus({ random, refuse: 0.1, repeat: 0.1, to: (record) => bus.publish([record]) });
  const simulation = new Simulation({
    bus: unreliable,
    hosts: 15,
    firstHost: 3,
    seriesPerHost: 100,
    ratePerSecond: 3000,
    seed: 5,
    pollIntervalMs: 1000,
    drainIntervalMs: 500,
    keyframeIntervalMs: 4000,
    ...SIMULATION,
  });
  await simulation.runSteps(20);
  await simulation.settle(5000);
  assert.equal(simulation.summary().unsettledHosts, 0);

  const sources = { aggregator, registry, metricPrefix: 'p_', instanceLabel: 'instance' };
  let text = '';
  for await (const chunk of exposition(sources, 'text')) text += chunk.toString();
  const isServed = ({ metric }: Sample): boolean => metric.startsWith('p_sim_');
  const shown = samplesByName([...readSamples(text)].filter(isServed));
  const truth = samplesByName([...simulation.truth()].filter(isServed));
  assert.ok(truth.size > 1000);
  assert.deepEqual([...shown].sort(), [...truth].sort());
});
