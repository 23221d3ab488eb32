import { Simulation, type SimulationOptions } from '../../collector/simulate/simulation.js';
import type { ConsumedRecord } from '../../wire/bus.js';
import { UnreliableBus } from './unreliable-bus.js';
import type { Sample } from './reference-truth.js';

/** What the tests' simulations have in common. */
export const SIMULATION = {
  churn: 0.1,
  architectures: ['x86_64', 'aarch64', 's390x'],
  maxHeldBytes: 16 * 1024 * 1024,
  metricPrefix: 'p_',
  version: 'test',
} as const satisfies Partial<SimulationOptions>;

/** Frames of made-up hosts, as a topic would hold them, and the truth at their end. */
export async function recordedSimulation(
  steps: number,
  options: Partial<SimulationOptions> = {},
): Promise<{ records: readonly ConsumedRecord[]; truth: readonly Sample[] }> {
  const bus = new UnreliableBus({ random: () => 1, refuse: 0, repeat: 0, to: () => undefined });
  const simulation = new Simulation({
    bus,
    hosts: 4,
    firstHost: 1,
    seriesPerHost: 150,
    ratePerSecond: 200,
    seed: 3,
    pollIntervalMs: 10_000,
    drainIntervalMs: 10_000,
    keyframeIntervalMs: 60_000,
    ...SIMULATION,
    ...options,
  });
  await simulation.runSteps(steps);
  await simulation.settle(5000);
  const records = bus.arrived.map((record, i) => ({ ...record, offset: BigInt(i), timestampMs: 1000 + i }));
  return { records, truth: [...simulation.truth()] };
}
