import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnlessRoot } from '../harness/privileged.js';
import { runSonde } from '../harness/sonde.js';
import { assertForPeople } from './assert-refused.js';

test('a new probe builds, attaches, counts, and passes its own test', { skip: skipUnlessRoot }, async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'sonde-new-'));
  t.after(() => rmSync(parent, { recursive: true }));
  const folder = join(parent, 'probe');
  const made = await runSonde(['new', 'exec-count', '--dir', folder]);
  assert.equal(made.status, 0, made.stderr);
  const files = readdirSync(folder).sort();
  assert.deepEqual(files, [
    'Makefile',
    'exec-count.bpf.c',
    'exec-count.test.mjs',
    'exec-count.yaml',
    'probe.schema.json',
  ]);

  const make = (target: string): string => {
    // The runner that runs this test hands its own settings on.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    return execFileSync('make', ['-C', folder, target], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  make('exec-count.bpf.o');
  const checked = make('check');
  assert.match(checked, /^exec-count: ok$/m);
  assert.match(checked, /program on_exec {2}tp_btf\/sched_process_exec {2}attaches/);
  assert.match(make('test'), /^# pass 2$/m);

  const again = await runSonde(['new', 'exec-count', '--dir', folder]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /exec-count\.bpf\.c.* is there already/);
  assertForPeople(again.stderr);
});

test('a name that would be no file, metric or map is refused', async () => {
  for (const name of ['Exec', 'a_b', '../x', '9a', 'a--b', 'a-', 'x'.repeat(49)]) {
    const { status, stderr } = await runSonde(['new', name]);
    assert.equal(status, 1, name);
    assert.match(stderr, /is no name for a probe/);
  }
});
