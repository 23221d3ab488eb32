// `npm test`: installs what is missing, builds, checks, and runs every test once, with one count at the end.
// Names of folders below test/ choose some: npm test unit integration.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, ROOT } from './prepare.mjs';
import { checkKernel, installMissing, main, run, SetupError } from './system.mjs';
import { TEST_PACKAGES } from './test-packages.mjs';

const SUITES = ['unit', 'integration', 'asan', 'e2e', 'kernel'];

await main(() => {
  const suites = process.argv.length > 2 ? process.argv.slice(2) : SUITES;
  const unknown = suites.find((suite) => !SUITES.includes(suite));
  if (unknown !== undefined) throw new SetupError(`there are no tests ${unknown}: there are ${SUITES.join(', ')}.`);
  const isAll = suites.length === SUITES.length;
  if (suites.some((suite) => suite !== 'unit')) {
    checkKernel();
    installMissing(TEST_PACKAGES);
  }
  prepare();
  if (isAll) run('npm', ['run', '--silent', 'check'], ROOT);
  const files = suites.flatMap((suite) => testFiles(join(ROOT, 'dist/test', suite)));
  // One file after the other: what one test makes the kernel do would be seen by another's probes.
  const args = ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files];
  const result = spawnSync(process.execPath, ['--enable-source-maps', ...args], {
    cwd: ROOT,
    env: { ...process.env, TESTED_EXECUTABLE: join(ROOT, 'dist/sonde/sonde.js') },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = result.status ?? 1;
});

function testFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && !name.includes('guest'))
    .map((name) => join(folder, name))
    .sort();
}
