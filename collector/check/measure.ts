import { setTimeout as sleep } from 'node:timers/promises';
import { closeSync } from 'node:fs';
import type { Native } from '../../native/types.js';
import type { Probe } from '../probe/probe.js';

/** What a program has cost while it was watched. */
export interface ProgramCost {
  readonly runsPerSecond: number;
  /** Of one run; 0 when it did not run. */
  readonly nanosecondsPerRun: number;
  /** Of one core. */
  readonly corePercent: number;
}

/** Counts for so long how often the programs of these probes run and how long they take, by program id. */
export async function measure(
  probes: readonly Probe[],
  durationMs: number,
  native: Pick<Native, 'enableRunStats'>,
): Promise<ReadonlyMap<number, ProgramCost>> {
  const stats = native.enableRunStats();
  try {
    const before = new Map(probes.flatMap((probe) => probe.stats().map((stat) => [stat.id, stat] as const)));
    const from = performance.now();
    await sleep(durationMs);
    const seconds = (performance.now() - from) / 1000;
    return new Map(
      probes.flatMap((probe) =>
        probe.stats().map(({ id, runCount, runTimeNs }): [number, ProgramCost] => {
          const runs = Number(runCount - (before.get(id)?.runCount ?? 0n));
          const ns = Number(runTimeNs - (before.get(id)?.runTimeNs ?? 0n));
          return [
            id,
            {
              runsPerSecond: runs / seconds,
              nanosecondsPerRun: runs === 0 ? 0 : ns / runs,
              corePercent: ns / seconds / 1e7,
            },
          ];
        }),
      ),
    );
  } finally {
    closeSync(stats);
  }
}
