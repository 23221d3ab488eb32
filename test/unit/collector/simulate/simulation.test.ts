import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Simulation, type SimulationOptions } from '../../../../collector/simulate/simulation.js';
import { seededRandom } from '../../../../lib/random.js';
import { SIMULATION } from '../../../harness/recorded-simulation.js';
import { ReferenceTruth } from '../../../harness/reference-truth.js';
import { samplesByName } from '../../../harness/samples.js';
import { UnreliableBus } from '../../../harness/unreliable-bus.js';

const OPTIONS: Omit<SimulationOptions, 'bus'> = {
  hosts: 12,
  firstHost: 1,
  seriesPerHost: 120,
  ratePerSecond: 4000,
  seed: 7,
  pollIntervalMs: 1000,
  drainIntervalMs: 500,
  keyframeIntervalMs: 5000,
  ...SIMULATION,
};

function reliable(): UnreliableBus {
  return new UnreliableBus({ random: () => 1, refuse: 0, repeat: 0, to: () => undefined });
}

async function run(
  bus: UnreliableBus,
  steps: number,
  options: Partial<SimulationOptions> = {},
): Promise<{ simulation: Simulation; truth: Map<string, string>; reference: Map<string, string> }> {
  const simulation = new Simulation({ ...OPTIONS, ...options, bus });
  await simulation.runSteps(steps);
  await simulation.settle(5000);
  const reference = new ReferenceTruth();
  for (const { value } of bus.arrived) reference.take(value);
  return { simulation, truth: samplesByName(simulation.truth()), reference: samplesByName(reference.samples('p_')) };
}

test('the truth that the simulator counted is what its frames say, read in order', async () => {
  const { simulation, truth, reference } = await run(reliable(), 30);
  assert.equal(simulation.summary().unsettledHosts, 0);
  assert.equal(simulation.summary().failures, 0);
  assert.deepEqual([...reference].sort(), [...truth].sort());
  const names = [...truth.keys()].join('\n');
  for (const metric of [
    'p_sim_calls_total',
    'p_sim_queue_bytes_total',
    'p_sim_function_calls_total',
    'p_sim_latency_seconds_bucket',
    'p_sim_events_total',
    'p_sim_event_load',
    'p_sim_event_size_bytes_sum',
  ]) {
    assert.match(names, new RegExp(`^${metric}\\[`, 'm'));
  }
  assert.ok(
    [...truth.values()].some((value) => BigInt.asUintN(64, BigInt(value.replace(/[.e].*/, ''))) > 2n ** 53n),
    'values that no double holds',
  );
});

test('also over a bus that refuses, loses and repeats', async () => {
  for (const seed of [1, 2, 3]) {
    const random = seededRandom(seed);
    const bus = new UnreliableBus({ random, refuse: 0.2, repeat: 0.1, to: () => undefined });
    const { simulation, truth, reference } = await run(bus, 25, { seed });
    assert.ok(simulation.summary().failures > 100);
    assert.equal(simulation.summary().unsettledHosts, 0);
    assert.deepEqual([...reference].sort(), [...truth].sort(), `seed ${seed}`);
  }
});

test('the same seed makes the same frames, another one others', async () => {
  const [one, two, other] = [reliable(), reliable(), reliable()];
  await run(one, 8);
  await run(two, 8);
  await run(other, 8, { seed: 8 });
  assert.ok(one.arrived.length > 100);
  assert.deepEqual(two.arrived, one.arrived);
  assert.notDeepEqual(other.arrived[0], one.arrived[0]);
});

test('records that find no room while the bus is away are counted as lost, and are not in the truth', async () => {
  const bus = reliable();
  const simulation = new Simulation({ ...OPTIONS, bus, maxHeldBytes: 0, ratePerSecond: 200_000, hosts: 3 });
  bus.isAway = true;
  await simulation.runSteps(4);
  const away = simulation.summary();
  assert.equal(away.acknowledgedFrames, 0);
  assert.equal(away.unsettledHosts, 3);
  assert.ok(away.lostRecords > 0);
  bus.isAway = false;
  await simulation.settle(5000);
  const reference = new ReferenceTruth();
  for (const { value } of bus.arrived) reference.take(value);
  assert.equal(simulation.summary().unsettledHosts, 0);
  assert.ok(simulation.summary().records > 0, 'what found room arrives');
  assert.deepEqual([...samplesByName(reference.samples('p_'))].sort(), [...samplesByName(simulation.truth())].sort());
});
