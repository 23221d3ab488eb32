import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { Cgroups, type CgroupsOptions } from '../../collector/facts/cgroup/cgroups.js';
import { cgroupMetrics } from '../../collector/facts/cgroup/metrics.js';
import { native } from '../../native/index.js';
import { SILENT } from './lane-fixture.js';

export interface NamedCgroups {
  readonly cgroups: Cgroups;
  /** Asks for a path; undefined when it is not known. */
  readonly name: (id: bigint) => Promise<string | undefined>;
  /** Value of a metric of the collector's own, with its labels as in the text format. */
  readonly metric: (series: string) => Promise<number | undefined>;
}

/** Cgroups as a collector has them; closed when the test ends. */
export async function namedCgroups(
  t: TestContext,
  options: Partial<CgroupsOptions> & Pick<CgroupsOptions, 'watch'>,
): Promise<NamedCgroups> {
  const registry = new Registry();
  const cgroups = new Cgroups({ native, metrics: cgroupMetrics(registry), log: SILENT, ...options });
  t.after(() => cgroups.close());
  await cgroups.start();
  return {
    cgroups,
    name: async (id) => {
      const path = await cgroups.answer(id);
      return path && Buffer.from(path).toString('latin1');
    },
    metric: async (series) => {
      const line = (await registry.metrics()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
  };
}
