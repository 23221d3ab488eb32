import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { LoopDisk } from '../../harness/kernel-disk.js';
import { select, total } from '../../harness/kernel-metrics.js';
import type { Fixture, Scraped } from '../../harness/kernel-sonde.js';
import type { Aim } from '../../harness/probe-folder.js';

const METRIC = 'ebpf_exporter_page_cache_ops_total';
const [WRITES, CACHED_READS, READS] = [23, 17, 11];
const PAGE_BYTES = 4096;
const MIB = 1024 * 1024;

/** A block device that only the test uses, and the probe is aimed at. */
export class CachedDisk implements Fixture {
  #disk: LoopDisk | undefined;

  async create(): Promise<void> {
    this.#disk = await LoopDisk.create(MIB);
    // What is read is what is asked for.
    execFileSync('blockdev', ['--setra', '0', this.path]);
  }

  get path(): string {
    return this.#disk!.path;
  }

  get aim(): Aim {
    const { rdev } = statSync(this.path);
    const [major, minor] = [(rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)];
    return { filter_device: major * 2 ** 20 + minor };
  }

  async close(): Promise<void> {
    await this.#disk?.close();
  }
}

/**
 * Pages of a block device, written and read through the page cache, one a call.
 * @param seesAccess not so of the variant that has tracepoints alone.
 */
export function cachestatTests(
  sonde: Scraped,
  disk: CachedDisk,
  { seesAccess }: { readonly seesAccess: boolean },
): void {
  describe('cachestat', () => {
    let device: number;
    const page = Buffer.alloc(PAGE_BYTES);

    before(() => {
      device = openSync(disk.path, 'r+'); // while it is open the kernel keeps its pages
    });
    after(() => {
      closeSync(device);
    });

    async function during(work: () => void): Promise<Record<string, number>> {
      const before = await sonde.metrics();
      work();
      const samples = await sonde.metrics();
      return Object.fromEntries(
        ['cache_access', 'cache_writes', 'page_add_lru', 'page_mark_dirties'].map((operation) => [
          operation,
          total(samples, METRIC, { operation }) - total(before, METRIC, { operation }),
        ]),
      );
    }

    function read(from: number, count: number): void {
      for (let i = from; i < from + count; i++)
        assert.equal(readSync(device, page, 0, PAGE_BYTES, i * PAGE_BYTES), PAGE_BYTES);
    }

    test(`counts ${WRITES} pages that are written`, async () => {
      const counted = await during(() => {
        for (let i = 0; i < WRITES; i++) writeSync(device, page, 0, PAGE_BYTES, i * PAGE_BYTES);
      });
      assert.deepEqual(
        { ...counted, cache_access: 0 }, // whether writing is also using differs between kernels
        { cache_access: 0, cache_writes: WRITES, page_add_lru: WRITES, page_mark_dirties: WRITES },
      );
    });

    test(`counts ${CACHED_READS} reads of pages that are there`, async () => {
      const counted = await during(() => read(0, CACHED_READS));
      const accesses = seesAccess ? CACHED_READS : 0;
      assert.deepEqual(counted, { cache_access: accesses, cache_writes: 0, page_add_lru: 0, page_mark_dirties: 0 });
    });

    test(`counts ${READS} reads of pages that are not there yet`, async () => {
      const counted = await during(() => read(WRITES + 1, READS));
      const accesses = seesAccess ? READS : 0;
      assert.deepEqual(counted, { cache_access: accesses, cache_writes: 0, page_add_lru: READS, page_mark_dirties: 0 });
    });

    test('counts nothing for a device that is left alone', async () => {
      const counted = await during(() => statSync(disk.path));
      assert.deepEqual(counted, { cache_access: 0, cache_writes: 0, page_add_lru: 0, page_mark_dirties: 0 });
      if (!seesAccess) assert.deepEqual(select(await sonde.metrics(), METRIC, { operation: 'cache_access' }), []);
    });
  });
}
