import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { joinCgroup, makeCgroup, removeCgroup, skipUnlessUnified } from '../../harness/cgroups.js';
import { twoCpus } from '../../harness/cpus.js';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';

const METRIC = 'ebpf_exporter_cgroup_sched_migrations_total';
const MOVES = 23;

/** One thread in a cgroup of its own, which runs all the time on the one CPU that it may. The kernel counts its moves, too. */
export function cgroupTests(sonde: Scraped): void {
  describe('cgroup', { skip: skipUnlessUnified }, () => {
    const [first, last] = twoCpus();
    let cgroup: string;
    let busy: ChildProcess;

    before(async () => {
      cgroup = makeCgroup({ after: () => undefined });
      busy = spawn('sh', ['-c', 'read line; while :; do :; done'], { stdio: ['pipe', 'ignore', 'inherit'] });
      await once(busy, 'spawn');
      joinCgroup(cgroup, busy.pid!);
      busy.stdin!.write('\n');
      pin(busy.pid!, first);
    });
    after(async () => {
      busy.kill('SIGKILL');
      await once(busy, 'exit');
      removeCgroup(cgroup);
    });

    /** Until the thread is on the other CPU the kernel does not come back from this. */
    async function during(moves: number): Promise<{ counted: number; told: number }> {
      const [samples, told] = [await sonde.metrics(), migrations(busy.pid!)];
      for (let i = 1; i <= moves; i++) pin(busy.pid!, i % 2 === 0 ? first : last);
      const samplesAfter = await sonde.metrics();
      const count = (of: typeof samples): number => total(of, METRIC, { cgroup });
      return { counted: count(samplesAfter) - count(samples), told: migrations(busy.pid!) - told };
    }

    test(`counts ${MOVES} moves of a thread to another CPU`, async () => {
      assert.deepEqual(await during(MOVES), { counted: MOVES, told: MOVES });
    });

    test('counts none for a thread that stays where it is', async () => {
      assert.deepEqual(await during(0), { counted: 0, told: 0 });
    });
  });
}

function pin(pid: number, cpu: number): void {
  execFileSync('taskset', ['-cp', String(cpu), String(pid)]);
}

/** As the kernel counts them. */
function migrations(pid: number): number {
  return Number(/^se\.nr_migrations\s*:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/sched`, 'latin1'))![1]);
}
