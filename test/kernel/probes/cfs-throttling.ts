import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { joinCgroup, makeCgroup, removeCgroup, skipUnlessUnified, unifiedMount } from '../../harness/cgroups.js';
import { twoCpus } from '../../harness/cpus.js';
import { select, total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { until } from '../../harness/until.js';

const METRIC = 'ebpf_exporter_cfs_throttling_seconds';
const STOPS = 7;
/** Quota and period, in microseconds: a busy thread is stopped for nine tenths of the time; one alone cannot use this much. */
const [QUOTA, ENOUGH] = ['10000 100000', '100000 100000'];
/**
 * Of a stop: the kernel takes its times from the run queue's clock, which is as of its last update, and the probe's are from a few
 * instructions before or after; many more in an emulated guest.
 */
const OFF_SECONDS = 0.01;

/** A busy thread in a cgroup with a quota, on one CPU, so that there is one run queue to stop. */
export function cfsThrottlingTests(sonde: Scraped): void {
  describe('cfs-throttling', { skip: skipUnlessUnified }, () => {
    test('has the time that a busy thread was stopped, as cpu.stat does', async (t) => {
      const cgroup = withQuota(QUOTA);
      t.after(() => removeCgroup(cgroup));
      const busy = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
      await once(busy, 'spawn');
      t.after(() => busy.kill('SIGKILL'));
      execFileSync('taskset', ['-cp', String(twoCpus()[0]), String(busy.pid)]);
      joinCgroup(cgroup, busy.pid!);
      await until(() => stat(cgroup, 'nr_throttled') >= STOPS, `${STOPS} stops`);
      busy.kill('SIGKILL');
      await once(busy, 'exit');

      const samples = await sonde.metrics();
      const stops = total(samples, `${METRIC}_count`, { cgroup });
      const seconds = total(samples, `${METRIC}_sum`, { cgroup });
      // The kernel counts periods: two when its timer comes a period late.
      assert.ok(stops >= 1 && stops <= stat(cgroup, 'nr_throttled') + 1, `${stops} stops`);
      const told = stat(cgroup, 'throttled_usec') / 1e6;
      assert.ok(
        Math.abs(seconds - told) <= stops * OFF_SECONDS,
        `${seconds} s in ${stops} stops, the kernel says ${told} s`,
      );
    });

    test('has nothing for a cgroup that does not use up its quota', async (t) => {
      const cgroup = withQuota(ENOUGH);
      t.after(() => removeCgroup(cgroup));
      const idle = spawn('sleep', ['60'], { stdio: 'ignore' });
      await once(idle, 'spawn');
      joinCgroup(cgroup, idle.pid!);
      idle.kill('SIGKILL');
      await once(idle, 'exit');
      assert.equal(stat(cgroup, 'nr_throttled'), 0, 'as the kernel says');
      assert.equal(total(await sonde.metrics(), `${METRIC}_count`, { cgroup }), 0);
    });
  });
}

/** Where neither fentry nor kprobes are permitted. */
export function cfsThrottlingRefusedTests(sonde: Scraped): void {
  test('cfs-throttling says that it needs fentry or kprobes, and has no values', async () => {
    const samples = await sonde.metrics();
    const up = select(samples, 'sonde_program_up', { config: 'cfs-throttling' });
    assert.deepEqual(
      Object.fromEntries(up.map(({ labels, value }) => [labels['program'], [value, labels['reason']]])),
      {
        stops_fentry: [0, 'fentry is not permitted by this kernel'],
        goes_on_fentry: [0, 'fentry is not permitted by this kernel'],
        stops_kprobe: [0, 'no kprobes in this kernel'],
        goes_on_kprobe: [0, 'no kprobes in this kernel'],
      },
    );
    assert.equal(samples.filter(({ name }) => name.startsWith(METRIC)).length, 0);
  });
}

function withQuota(quota: string): string {
  writeFileSync(join(unifiedMount()!, 'cgroup.subtree_control'), '+cpu');
  const cgroup = makeCgroup({ after: () => undefined });
  writeFileSync(join(cgroup, 'cpu.max'), quota);
  return cgroup;
}

function stat(cgroup: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(join(cgroup, 'cpu.stat'), 'latin1'))![1]);
}
