// `npm run soak`: the long forms of tests that have a short one in `npm test`. `npm run soak -- frames fleet` runs some of them.
// Each prints its seed; SEED=… runs it again with that one.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, ROOT } from './prepare.mjs';
import { checkKernel, installMissing, main, SetupError } from './system.mjs';
import { TEST_PACKAGES } from './test-packages.mjs';

const SOAKS = readdirSync(join(ROOT, 'test/soak'))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.slice(0, -'.test.ts'.length));

await main(() => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : SOAKS;
  const unknown = names.find((name) => !SOAKS.includes(name));
  if (unknown !== undefined) throw new SetupError(`there is no soak ${unknown}: there are ${SOAKS.join(', ')}.`);
  checkKernel();
  installMissing(TEST_PACKAGES);
  prepare();
  const files = names.map((name) => join(ROOT, `dist/test/soak/${name}.test.js`));
  const args = ['--enable-source-maps', '--test', '--test-concurrency=1', '--test-reporter=spec', ...files];
  const result = spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, TESTED_EXECUTABLE: join(ROOT, 'dist/sonde/sonde.js') },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = result.status ?? 1;
});
