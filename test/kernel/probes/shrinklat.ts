import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cgroupId, makeCgroup, removeCgroup, unifiedMount } from '../../harness/cgroups.js';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';

const METRIC = 'ebpf_exporter_shrink_node_latency_seconds';
const TRACING = '/sys/kernel/tracing';
const RECLAIMS = 23;
/** Asks for a page of what this shell and its children use: there is little to give back, and no swap. */
const RECLAIM = `echo $$ >"$1/cgroup.procs"; i=0
while [ $i -lt $2 ]; do echo 4096 2>/dev/null >"$1/memory.reclaim"; i=$((i + 1)); done; true`;

/** A cgroup whose processes are the ones that reclaim. */
export class ReclaimingCgroup {
  path = '';

  create(): Promise<void> {
    const root = unifiedMount()!;
    writeFileSync(join(root, 'cgroup.subtree_control'), '+memory');
    this.path = makeCgroup({ after: () => undefined });
    return Promise.resolve();
  }

  get aim(): { filter_cgroup: bigint } {
    return { filter_cgroup: cgroupId(this.path) };
  }

  close(): Promise<void> {
    removeCgroup(this.path);
    return Promise.resolve();
  }
}

/** The truth is a probe event of the kernel's own tracing on the same function: it counts its hits. */
export function shrinklatTests(sonde: Scraped, cgroup: ReclaimingCgroup): void {
  describe('shrinklat', () => {
    before(() => {
      if (!existsSync(join(TRACING, 'kprobe_events')))
        execFileSync('mount', ['-t', 'tracefs', 'tracefs', TRACING], { stdio: 'ignore' });
      writeFileSync(join(TRACING, 'kprobe_events'), 'p:sonde/shrink shrink_node');
      writeFileSync(join(TRACING, 'events/sonde/shrink/enable'), '1');
    });
    after(() => {
      writeFileSync(join(TRACING, 'events/sonde/shrink/enable'), '0');
      writeFileSync(join(TRACING, 'kprobe_events'), '');
    });

    async function during(times: number): Promise<{ counted: number; told: number; seconds: number }> {
      const [samplesBefore, toldBefore] = [await sonde.metrics(), hits()];
      execFileSync('sh', ['-c', RECLAIM, 'sh', cgroup.path, String(times)], { stdio: 'ignore' });
      const [told, samples] = [hits(), await sonde.metrics()];
      const grown = (suffix: string): number => total(samples, METRIC + suffix) - total(samplesBefore, METRIC + suffix);
      return { counted: grown('_count'), told: told - toldBefore, seconds: grown('_sum') };
    }

    test(`has each pass of ${RECLAIMS} reclaims, as the kernel counts them`, async () => {
      const { counted, told, seconds } = await during(RECLAIMS);
      assert.ok(told >= RECLAIMS, `${told} passes`);
      assert.equal(counted, told);
      assert.ok(seconds > 0 && seconds < 60, `${seconds} s`);
    });

    test('has none when nobody reclaims', async () => {
      const { counted, told } = await during(0);
      assert.deepEqual({ counted, told }, { counted: 0, told: 0 });
    });
  });
}

function hits(): number {
  const line = readFileSync(join(TRACING, 'kprobe_profile'), 'latin1').trim().split(/\s+/);
  const at = line.indexOf('shrink');
  assert.equal(line[at + 2], '0', 'the kernel missed none');
  return Number(line[at + 1]);
}
