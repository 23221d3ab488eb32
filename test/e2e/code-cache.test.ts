// The bundle that users run comes with what V8 compiled of it: see scripts/build-cache.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { VERSION } from '../../bin/version.js';
import { packageRoot } from '../harness/root.js';

const TELL_WHETHER_REJECTED = `data:text/javascript,
  import vm from 'node:vm';
  import { syncBuiltinESMExports } from 'node:module';
  vm.Script = class extends vm.Script {
    constructor(...args) {
      super(...args);
      console.error('rejected:', this.cachedDataRejected);
    }
  };
  syncBuiltinESMExports();`;

/** A copy of the bundle, as in a package of its own, until the test ends. */
function copyOfBundle(t: test.TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-bundle-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const path of ['package.json', 'dist/sonde'])
    cpSync(join(packageRoot(), path), join(folder, path), { recursive: true });
  symlinkSync(join(packageRoot(), 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'dist/sonde');
}

/** What a run says of its cache, after it has done its work. */
function versionOf(bundle: string, flags: readonly string[] = []): string {
  const args = [...flags, '--import', TELL_WHETHER_REJECTED, join(bundle, 'sonde.js'), '--version'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [0, `${VERSION}\n`], stderr);
  return stderr;
}

test('the code cache', async (t) => {
  await t.test('is taken', () => {
    assert.equal(versionOf(join(packageRoot(), 'dist/sonde')), 'rejected: false\n');
  });

  await t.test('cut off, it is left aside', (t) => {
    const bundle = copyOfBundle(t);
    truncateSync(join(bundle, 'cli.cjs.cache'), 100_000);
    assert.equal(versionOf(bundle), 'rejected: true\n');
  });

  await t.test('is left aside under other flags of V8', () => {
    const flags = ['--max-old-space-size=200'];
    assert.equal(versionOf(join(packageRoot(), 'dist/sonde'), flags), 'rejected: true\n');
  });

  await t.test('need not be there', (t) => {
    const bundle = copyOfBundle(t);
    rmSync(join(bundle, 'cli.cjs.cache'));
    assert.equal(versionOf(bundle), 'rejected: undefined\n');
  });
});
