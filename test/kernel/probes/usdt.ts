import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';

const METRIC = 'ebpf_exporter_python_module_imports_total';
const IMPORTS = 7;
/** Longer than the label: 63 bytes of it are shown. */
const LONG = `sonde_test_${'x'.repeat(80)}`;

/** Imports of modules that no one has: Python looks for each anew. */
const WORKLOAD = `
import sys
for name, times in ((sys.argv[1], int(sys.argv[2])), (sys.argv[3], 1)):
    for _ in range(times):
        try:
            __import__(name)
        except ModuleNotFoundError:
            pass
`;

export function usdtTests(sonde: Scraped): void {
  describe('usdt', () => {
    const name = `sonde_test_${process.pid}`;
    const run = (times: number): Buffer =>
      execFileSync('/usr/bin/python3', ['-c', WORKLOAD, name, String(times), LONG]);
    const counted = async (module: string): Promise<number> => total(await sonde.metrics(), METRIC, { module });

    test('counts nothing before the program runs, nor for a module that it does not import', async () => {
      assert.equal(await counted(name), 0);
      run(0);
      assert.equal(await counted(name), 0);
    });

    test(`counts ${IMPORTS} imports of a module, by its name`, async () => {
      run(IMPORTS);
      assert.equal(await counted(name), IMPORTS);
    });

    test('cuts long names', async () => {
      const before = await counted(LONG.slice(0, 63));
      run(0);
      assert.equal((await counted(LONG.slice(0, 63))) - before, 1);
    });
  });
}
