import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeCgroup, removeCgroup, skipUnlessUnified, unifiedMount, v1Mounts } from '../../harness/cgroups.js';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { until } from '../../harness/until.js';

const METRIC = 'ebpf_exporter_oom_kills_total';
const KILLS = 7;
const LIMIT_BYTES = 8 * 1024 * 1024;
/** Joins the cgroups that it is given, and becomes what comes after `--`. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"';

/** A cgroup with little memory. Where memory is limited by cgroups v1, a process is in one of each: the label is v2's. */
export function oomkillTests(sonde: Scraped): void {
  describe('oomkill', { skip: skipUnlessUnified }, () => {
    let cgroup: string;
    let limited: string;

    before(() => {
      cgroup = makeCgroup({ after: () => undefined });
      limited = limitMemory(cgroup);
    });
    after(() => {
      for (const path of new Set([cgroup, limited])) removeCgroup(path);
    });

    async function counted(): Promise<number> {
      return total(await sonde.metrics(), METRIC, { cgroup_path: cgroup });
    }

    /** Returns the signal that ended it. */
    function runIn(...command: string[]): NodeJS.Signals | null {
      return spawnSync('sh', ['-c', JOIN, 'sh', cgroup, limited, '--', ...command], { stdio: 'ignore' }).signal;
    }

    test(`counts ${KILLS} processes that want more than their cgroup may have`, async () => {
      const [from, toldFrom] = [await counted(), kills(limited)];
      for (let i = 0; i < KILLS; i++) assert.equal(runIn('tail', '/dev/zero'), 'SIGKILL');
      assert.equal(kills(limited) - toldFrom, KILLS, 'as the kernel says');
      await until(async () => (await counted()) - from >= KILLS, 'the records to be read');
      assert.equal((await counted()) - from, KILLS);
    });

    test('counts none for a process that has enough', async () => {
      const [from, toldFrom] = [await counted(), kills(limited)];
      assert.equal(runIn('true'), null);
      assert.deepEqual([kills(limited) - toldFrom, (await counted()) - from], [0, 0]);
    });
  });
}

/** Returns the cgroup that has the limit: this one, or one of v1. */
function limitMemory(cgroup: string): string {
  const v1 = v1Mounts().find((path) => existsSync(join(path, 'memory.limit_in_bytes')));
  if (v1 !== undefined) {
    const limited = makeCgroup({ after: () => undefined }, v1);
    writeFileSync(join(limited, 'memory.limit_in_bytes'), String(LIMIT_BYTES));
    return limited;
  }
  writeFileSync(join(unifiedMount()!, 'cgroup.subtree_control'), '+memory');
  writeFileSync(join(cgroup, 'memory.max'), String(LIMIT_BYTES));
  return cgroup;
}

/** As the kernel counts them. */
function kills(cgroup: string): number {
  const file = ['memory.events', 'memory.oom_control']
    .map((name) => join(cgroup, name))
    .find((path) => existsSync(path));
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync(file!, 'latin1'))![1]);
}
