import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { LoopDisk } from '../../harness/kernel-disk.js';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { diskStats, finalDiskStats, type DiskStats } from '../../harness/kernel-truth.js';

const run = promisify(execFile);
const SERVICE = 'ebpf_exporter_bio_latency_seconds';
const QUEUE = 'ebpf_exporter_bio_queue_latency_seconds';
const MIB = 1024 * 1024;
const [WRITES, READS] = [23, 17];

/** Two loop devices of the test's own, one to use and one to leave alone. Made before Sonde starts. */
export class Disks {
  #disks: LoopDisk[] = [];

  async create(): Promise<void> {
    for (const bytes of [64 * MIB, MIB]) this.#disks.push(await LoopDisk.create(bytes));
  }

  get used(): LoopDisk {
    return this.#disks[0]!;
  }

  get idle(): LoopDisk {
    return this.#disks[1]!;
  }

  async close(): Promise<void> {
    for (const disk of this.#disks) await disk.close();
  }
}

/** The kernel counts each device's requests in /proc/diskstats. */
export function biolatencyTests(sonde: Scraped, disks: Disks): void {
  describe('biolatency', () => {
    let disk: LoopDisk;
    before(() => {
      disk = disks.used;
    });

    async function during(
      workload: () => Promise<unknown>,
    ): Promise<{ counted: Counts; told: Counts; samples: Sample[] }> {
      const [statsBefore, samplesBefore] = [await finalDiskStats(disk.name), await sonde.metrics()];
      await workload();
      const [statsAfter, samples] = [await finalDiskStats(disk.name), await sonde.metrics()];
      return {
        counted: subtract(counts(samples, disk.name), counts(samplesBefore, disk.name)),
        told: subtract(statsAfter, statsBefore),
        samples,
      };
    }

    async function waited(): Promise<number> {
      return total(await sonde.metrics(), `${QUEUE}_count`, { device: disk.name, operation: 'write' });
    }

    test(`counts ${WRITES} direct writes, ${READS} direct reads and a flush`, async () => {
      const { counted, told } = await during(async () => {
        await dd('if=/dev/zero', `of=${disk.path}`, 'bs=4k', `count=${WRITES}`, 'oflag=direct', 'conv=fsync');
        await dd(`if=${disk.path}`, 'of=/dev/null', 'bs=4k', `count=${READS}`, 'iflag=direct');
      });
      assert.equal(counted.writes, WRITES);
      // The kernel also counts the request for the flush itself, as a write, which never goes to the driver.
      assert.deepEqual({ ...counted, writes: WRITES + 1 }, told, 'as the kernel says');
      assert.ok(counted.reads >= READS && counted.flushes >= 1, JSON.stringify(counted));
    });

    test('counts a file system at work as the kernel does, and its time within its time', async () => {
      await disk.useWriteCache(false); // no flushes: see above
      const { counted, told, samples } = await during(async () => {
        await run('mkfs.ext4', ['-q', '-F', disk.path]);
        // In a mount namespace of its own: nothing is left mounted, whatever happens.
        await run('unshare', ['--mount', 'sh', '-ec', FILE_SYSTEM_WORK, 'sh', disk.path]);
      });
      assert.deepEqual(counted, told);
      assert.ok(counted.writes > 100, JSON.stringify(counted));
      const { readMs, writeMs } = await diskStats(disk.name);
      const seconds = total(samples, `${SERVICE}_sum`, { device: disk.name });
      // diskstats begins earlier, when the request is made, and leaves out discards and flushes: a millisecond for those.
      assert.ok(
        seconds > 0 && seconds * 1000 <= readMs + writeMs + counted.reads,
        `${seconds} s, ${readMs} + ${writeMs} ms`,
      );
    });

    test('has the time in the queue of requests that go through a scheduler', async () => {
      await disk.useScheduler('mq-deadline');
      const waitedBefore = await waited();
      const { counted } = await during(() =>
        dd('if=/dev/zero', `of=${disk.path}`, 'bs=4k', `count=${WRITES}`, 'oflag=direct'),
      );
      assert.equal(counted.writes, WRITES);
      assert.equal((await waited()) - waitedBefore, WRITES);
    });

    test('counts nothing for a device without requests', async () => {
      const samples = await sonde.metrics();
      assert.equal(total(samples, `${SERVICE}_count`, { device: disks.idle.name, operation: 'write' }), 0);
    });
  });
}

const FILE_SYSTEM_WORK = `
  mount "$1" /mnt
  for i in $(seq 1 45); do dd if=/dev/urandom of=/mnt/$i bs=16k count=3 conv=fsync 2>/dev/null; done
  echo 3 >/proc/sys/vm/drop_caches
  cat /mnt/[0-9]* >/dev/null
  umount /mnt
`;

interface Counts {
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
}

function counts(samples: readonly Sample[], device: string): Counts {
  const of = (operation: string): number => total(samples, `${SERVICE}_count`, { device, operation });
  return { reads: of('read'), writes: of('write') + of('write_zeroes'), flushes: of('flush') }; // as the kernel groups them
}

function subtract(a: Counts | DiskStats, b: Counts | DiskStats): Counts {
  return { reads: a.reads - b.reads, writes: a.writes - b.writes, flushes: a.flushes - b.flushes };
}

async function dd(...args: string[]): Promise<void> {
  await run('dd', [...args, 'status=none']);
}
