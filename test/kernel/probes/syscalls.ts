import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cgroupId, commandsIn, makeCgroup, removeCgroup, skipUnlessUnified } from '../../harness/cgroups.js';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Fixture, Scraped } from '../../harness/kernel-sonde.js';
import type { Aim } from '../../harness/probe-folder.js';

const PREFIX = 'ebpf_exporter_syscall';
const KILLS = 23;
/** No process has this number, so each kill fails. */
const NOBODY = 0x5000_0001;

/** Two cgroups; the probe is aimed at the first. */
export class CallingCgroups implements Fixture {
  #paths: readonly string[] = [];

  create(): Promise<void> {
    if (skipUnlessUnified !== false) return Promise.resolve();
    this.#paths = [1, 2].map(() => makeCgroup({ after: () => undefined }));
    return Promise.resolve();
  }

  get watched(): string {
    return this.#paths[0]!;
  }

  get other(): string {
    return this.#paths[1]!;
  }

  get aim(): Aim {
    return { filter_cgroup: skipUnlessUnified === false ? cgroupId(this.watched) : 0 };
  }

  close(): Promise<void> {
    this.#paths.forEach(removeCgroup);
    return Promise.resolve();
  }
}

/** A shell's kills, which it makes itself. */
export function syscallsTests(sonde: Scraped, cgroups: CallingCgroups): void {
  describe('syscalls', { skip: skipUnlessUnified }, () => {
    async function during(work: () => void): Promise<{ kills: number; failed: number; all: number }> {
      const before = counts(await sonde.metrics());
      work();
      const after = counts(await sonde.metrics());
      return { kills: after.kills - before.kills, failed: after.failed - before.failed, all: after.all - before.all };
    }

    test(`counts ${KILLS} calls of kill, and that they fail`, async () => {
      const { kills, failed, all } = await during(() => commandsIn(cgroups.watched, KILLS, NOBODY));
      assert.deepEqual({ kills, failed }, { kills: KILLS, failed: KILLS });
      assert.ok(all > KILLS, 'a process also has to end');
    });

    test('counts none of another cgroup', async () => {
      const counted = await during(() => commandsIn(cgroups.other, KILLS, NOBODY));
      assert.deepEqual(counted, { kills: 0, failed: 0, all: 0 });
    });
  });
}

function counts(samples: readonly Sample[]): { kills: number; failed: number; all: number } {
  return {
    kills: total(samples, `${PREFIX}s_total`, { syscall: 'kill' }),
    failed: total(samples, `${PREFIX}_errors_total`, { errno: 'ESRCH' }),
    all: total(samples, `${PREFIX}s_total`),
  };
}
