import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelSymbol, kernelU64 } from '../../harness/kernel-memory.js';
import { select, total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { PROBES } from '../../harness/probe-folder.js';
import { until } from '../../harness/until.js';

const METRIC = 'ebpf_exporter_bpf_jit_pages_currently_allocated';
const PAGE_BYTES = 4096n;
/** Copies of a probe's programs, enough for some pages. */
const COPIES = 7;
const PINS = '/sys/fs/bpf/sonde-test-jit';
/** The probe reads once a second. */
const PERIOD_MS = 1000;

/** The truth is the same variable, read by another way: the image of the kernel's memory. */
export function bpfJitTests(sonde: Scraped): void {
  const address = kernelSymbol('bpf_jit_current');

  describe('bpf-jit', () => {
    if (address === undefined) {
      test('says that this kernel does not tell where its account is', async () => {
        const samples = await sonde.metrics();
        const [status] = select(samples, 'sonde_program_up', { config: 'bpf-jit' });
        assert.equal(status?.value, 0);
        assert.equal(status.labels['reason'], 'this kernel has no symbol bpf_jit_current, whose address is needed');
        assert.deepEqual(select(samples, METRIC), []);
      });
      return;
    }

    test('has the pages of compiled programs, more of them, and less again', async () => {
      const pages = await untilEqual(sonde, address);
      for (let i = 0; i < COPIES; i++) load(`${PINS}-${i}`);
      try {
        const more = await untilEqual(sonde, address);
        assert.ok(more > pages, `${pages} pages, then ${more}`);
      } finally {
        for (let i = 0; i < COPIES; i++) rmSync(`${PINS}-${i}`, { recursive: true });
      }
      // The kernel frees them when nobody can be running them any more.
      await until(async () => (await untilEqual(sonde, address)) <= pages, 'the kernel to free the programs');
    });

    test('stays what it is when nothing is loaded', async () => {
      const pages = await untilEqual(sonde, address);
      const bytes = kernelU64(address);
      await sleep(2 * PERIOD_MS); // not for something to happen: for nothing to
      const samples = await sonde.metrics();
      if (kernelU64(address) === bytes) assert.equal(value(samples), pages);
    });
  });
}

/** Waits until the metric is what the kernel has, and returns it. */
async function untilEqual(sonde: Scraped, address: bigint): Promise<number> {
  let pages = 0;
  await until(async () => {
    const before = kernelU64(address);
    pages = value(await sonde.metrics());
    return kernelU64(address) === before && BigInt(pages) === (before + PAGE_BYTES - 1n) / PAGE_BYTES;
  }, `${METRIC} to be what the kernel has`);
  return pages;
}

function value(samples: readonly Sample[]): number {
  return total(samples, METRIC);
}

function load(pins: string): void {
  execFileSync('bpftool', ['prog', 'loadall', join(PROBES, 'biolatency.bpf.o'), pins]);
}
