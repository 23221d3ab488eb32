import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { select, total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { until } from '../../harness/until.js';

const METRICS = ['ebpf_exporter_llc_references_total', 'ebpf_exporter_llc_misses_total'] as const;
/** The event that each program asks for. */
const EVENTS = { llc_reference: 2, llc_miss: 3 } as const;
/** The CPU's counters, as the kernel lists them: `cpu`, or on a CPU with two kinds of cores `cpu_core`; on arm64 `armv8…`. */
const HAS_PMU = ['cpu', 'cpu_core', 'armv8_pmuv3_0', 'armv8_pmuv3'].some((name) =>
  existsSync(`/sys/bus/event_source/devices/${name}`),
);

/** Most virtual machines have no PMU. */
export function llcstatTests(sonde: Scraped): void {
  describe('llcstat', () => {
    if (!HAS_PMU) {
      test('says that there is no such counter here, and has no values', async () => {
        const samples = await sonde.metrics();
        const reasons = select(samples, 'sonde_program_up', { config: 'llcstat' }).map(({ labels, value }) => [
          labels['program'],
          [value, labels['reason']],
        ]);
        assert.deepEqual(
          Object.fromEntries(reasons),
          Object.fromEntries(
            Object.entries(EVENTS).map(([program, config]) => [
              program,
              [
                0,
                `a CPU here has no perf event type=0,config=${config},frequency=20: virtual machines often have no PMU`,
              ],
            ]),
          ),
        );
        for (const metric of METRICS) assert.deepEqual(select(samples, metric), []);
      });
      return;
    }

    test('counts references when memory is read, and not more misses than those', async () => {
      const before = total(await sonde.metrics(), METRICS[0]);
      const memory = new Uint8Array(256 * 1024 * 1024);
      await until(async () => {
        for (let i = 0; i < memory.length; i += 64) memory[i]! += 1;
        return total(await sonde.metrics(), METRICS[0]) > before;
      }, 'references to the cache');
      const samples = await sonde.metrics();
      const [references, misses] = METRICS.map((metric) => total(samples, metric));
      assert.ok(misses! > 0 && misses! <= references!, `${misses} misses of ${references}`);
    });
  });
}
