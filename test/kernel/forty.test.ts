import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileForty } from '../harness/forty.js';
import { runInNamespaces } from '../harness/namespaces.js';
import { GuestError } from '../harness/test-run.js';
import { fetchKafka } from '../services/kafka-files.js';

const TESTS = fileURLToPath(new URL('./guest/forty-here.test.js', import.meta.url));

describe("on this machine's kernel", () => {
  test('in namespaces of their own', async (t) => {
    // There is no network in there.
    await fetchKafka();
    compileForty();
    const { tests, status, rest } = await runInNamespaces([TESTS]);
    for (const { name, ok, error, skipped } of tests) {
      await t.test(name, skipped === '' ? {} : { skip: skipped }, () => {
        if (!ok) throw new GuestError(error);
      });
    }
    assert.notEqual(tests.length, 0, `no test ran:\n${rest}`);
    assert.equal(status, tests.every(({ ok }) => ok) ? 0 : 1, rest);
  });
});
