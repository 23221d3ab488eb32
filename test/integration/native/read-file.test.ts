import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { native } from '../../../native/index.js';

test('a file of /proc, which states no size, is read to its end', async () => {
  const path = '/proc/kallsyms';
  const bytes = await native.readFile(path);
  assert.ok(bytes.length > 2 ** 20, `${bytes.length} bytes`);
  // Programs come and go at its end, also those of other tests.
  assert.ok(bytes.subarray(0, 2 ** 20).equals(readFileSync(path).subarray(0, 2 ** 20)));
  assert.equal((await native.readFile('/dev/null')).length, 0);
});

test('what cannot be read is an error that says why', async () => {
  for (const [path, code] of [
    ['/no/such/file', 'ENOENT'],
    ['/proc', 'EISDIR'],
  ] as const) {
    await assert.rejects(native.readFile(path), { name: 'NativeError', code, operation: 'read file', object: path });
  }
});
