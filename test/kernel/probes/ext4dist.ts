import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { LoopDisk } from '../../harness/kernel-disk.js';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';

const METRIC = 'ebpf_exporter_ext4_latency_seconds';
const OPERATIONS = { open: 7, write: 23, read: 17, fsync: 5 };
const MINORBITS = 20;

/** A file system of the test's own. */
export class Ext4Disk {
  #disk: LoopDisk | undefined;

  async create(): Promise<void> {
    execFileSync('modprobe', ['ext4']); // a probe finds only what is loaded
    this.#disk = await LoopDisk.create(64 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#disk.path]);
  }

  get path(): string {
    return this.#disk!.path;
  }

  get aim(): { filter_device: number } {
    const [major, minor] = readFileSync(`/sys/block/${this.#disk!.name}/dev`, 'latin1').trim().split(':').map(Number);
    return { filter_device: (major! << MINORBITS) | minor! };
  }

  async close(): Promise<void> {
    await this.#disk?.close();
  }
}

/** In a mount namespace of its own: nothing is left mounted, whatever happens. */
const MOUNTED = 'mount "$1" /mnt; /usr/bin/python3 -c "$2" $3 $4 $5 $6; umount /mnt';

/** As many of each as its arguments say; prints the seconds that it took for all. */
const WORKLOAD = `
import os, sys, time
opens, writes, reads, fsyncs = map(int, sys.argv[1:])
begin = time.monotonic()
files = [os.open('/mnt/file', os.O_RDWR | os.O_CREAT) for _ in range(opens)]
for _ in range(writes):
    os.write(files[0], b'x' * 5000)
for _ in range(reads):
    os.pread(files[0], 5000, 0)
for _ in range(fsyncs):
    os.fsync(files[0])
print(time.monotonic() - begin)
`;

export function ext4distTests(sonde: Scraped, disk: Ext4Disk): void {
  describe('ext4dist', () => {
    async function during(counts: readonly number[]): Promise<{ counted: object; sum: number; seconds: number }> {
      const samplesBefore = await sonde.metrics();
      const args = ['--mount', 'sh', '-ec', MOUNTED, 'sh', disk.path, WORKLOAD, ...counts.map(String)];
      const seconds = Number(execFileSync('unshare', args, { encoding: 'latin1' }));
      const samples = await sonde.metrics();
      const grown = (suffix: string, labels: Record<string, string>): number => {
        const of = (all: readonly Sample[]): number => total(all, METRIC + suffix, labels);
        return of(samples) - of(samplesBefore);
      };
      const counted = Object.keys(OPERATIONS).map((operation) => [operation, grown('_count', { operation })]);
      return { counted: Object.fromEntries(counted) as object, sum: grown('_sum', {}), seconds };
    }

    test('has each of the operations, and not more time than they took', async () => {
      const { counted, sum, seconds } = await during(Object.values(OPERATIONS));
      assert.deepEqual(counted, OPERATIONS);
      assert.ok(sum > 0 && sum <= seconds + 0.001, `${sum} s of ${seconds}`);
    });

    test('has none while the file system is only mounted', async () => {
      assert.deepEqual((await during([0, 0, 0, 0])).counted, { open: 0, write: 0, read: 0, fsync: 0 });
    });
  });
}
