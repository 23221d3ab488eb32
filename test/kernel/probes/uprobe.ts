import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { joinCgroup, makeCgroup, skipUnlessUnified } from '../../harness/cgroups.js';
import { compileProgram } from '../../harness/compile-bpf.js';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';

const METRIC = 'ebpf_exporter_libc_malloc_calls_total';
const CALLS = 12_345;

/** Compiled on this machine: guests have the same root file system, and no time. */
export function compileMallocs(): string {
  return compileProgram('mallocs', 'workloads', 'mallocs');
}

/** A program that calls malloc() a known number of times, from when it is in a cgroup of its own. */
export function uprobeTests(sonde: Scraped): void {
  describe('uprobe', { skip: skipUnlessUnified }, () => {
    for (const calls of [CALLS, 0]) {
      test(`counts ${calls === 0 ? 'no call of a program that makes none' : `${calls} calls of malloc()`}`, async (t) => {
        const cgroup = makeCgroup(t);
        const program = spawn(compileMallocs(), [String(calls)], { stdio: ['pipe', 'ignore', 'inherit'] });
        await once(program, 'spawn');
        joinCgroup(cgroup, program.pid!);
        program.stdin.write('\n');
        assert.deepEqual(await once(program, 'exit'), [0, null]);
        assert.equal(total(await sonde.metrics(), METRIC, { cgroup }), calls);
      });
    }
  });
}
