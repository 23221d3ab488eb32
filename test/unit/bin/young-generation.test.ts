import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { SONDE } from '../../harness/executable.js';

const PRINT_SIZE = `data:text/javascript,
  import { getHeapSpaceStatistics } from 'node:v8';
  const size = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
  process.on('exit', () => process.stderr.write(String(size())));`;

test("V8's young generation is kept small before the rest is loaded: loading makes it eight times as large, for good", () => {
  const { status, stderr } = spawnSync(process.execPath, ['--import', PRINT_SIZE, SONDE, 'settings'], {
    encoding: 'utf8',
    env: {},
  });
  assert.equal(status, 0, stderr);
  assert.ok(Number(stderr) > 0 && Number(stderr) <= 4 * 2 ** 20, stderr);
});
