import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { append, drain, mountedTmpfs, openLog } from '../../harness/disk-log.js';

function texts(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i).padEnd(10_000, '.'));
}

test('a disk that is full', { skip: skipUnlessRoot }, async (t) => {
  const folder = mountedTmpfs(t, '300k');
  const { log, losses } = await openLog(t, join(folder, 'log'), { segmentBytes: 50_000, maxBytes: 10_000_000 });
  const errors = append(log, texts(0, 50));
  const taken = 50 - errors.length;
  assert.ok(taken > 10 && taken < 30, `${taken} fit`);
  assert.ok(errors.every((error) => (error as NodeJS.ErrnoException).code === 'ENOSPC'));

  await t.test('loses nothing that was taken, and takes again once there is room', async () => {
    const first = log.read(100_000)!;
    assert.equal(first.entries.length, 5);
    log.acknowledge();
    // Its room is free once the file that was written is closed, too.
    while (append(log, texts(100, 1)).length > 0) await new Promise(setImmediate);
    await log.close();
    const again = await openLog(t, join(folder, 'log'));
    assert.deepEqual([losses, again.losses], [[], []], 'no torn piece of what was refused');
    assert.deepEqual(drain(again.log, 100_000), [...texts(5, taken - 5), ...texts(100, 1)]);
    await again.log.close();
  });
});

test('a disk that becomes read-only', { skip: skipUnlessRoot }, async (t) => {
  const folder = mountedTmpfs(t, '10m');
  const { log } = await openLog(t, join(folder, 'log'), { segmentBytes: 50_000 });
  append(log, texts(0, 3));
  await log.close();
  execFileSync('mount', ['-o', 'remount,ro', folder]);
  await assert.rejects(openLog(t, join(folder, 'log')), /EROFS/);
  execFileSync('mount', ['-o', 'remount,rw', folder]);
  const again = await openLog(t, join(folder, 'log'));
  assert.deepEqual(drain(again.log), texts(0, 3));
  await again.log.close();
});
