import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInGuest } from '../harness/vm.js';

/** Boots each kernel once, runs the tests of `guest/` in it, and gives each of their results as its own. */
const KERNELS = [
  { name: 'Linux 6.1', suite: 'bookworm' },
  { name: 'Linux 6.12', suite: 'bookworm-backports' },
];
const GUEST_TESTS = fileURLToPath(new URL('./guest/probes.test.js', import.meta.url));
const TIMEOUT_SECONDS = 720;

/** The failure in the guest, whose stack is the one that says something. */
class GuestError extends Error {
  override stack = this.message;
}

describe('in guests', { concurrency: true }, () => {
  for (const { name, suite } of KERNELS) {
    test(name, async (t) => {
      const { tests, status, trace } = await runInGuest({
        suite,
        files: [GUEST_TESTS],
        timeoutSeconds: TIMEOUT_SECONDS,
      });
      for (const { name: testName, ok, error, skipped, durationMs } of tests) {
        await t.test(`${testName} (${durationMs} ms)`, skipped === '' ? {} : { skip: skipped }, () => {
          if (!ok) throw new GuestError(error);
        });
      }
      assert.notEqual(tests.length, 0, `the guest ran no test:\n${trace}`);
      const expected = tests.every(({ ok }) => ok) ? 0 : 1;
      assert.equal(status, expected, `the guest did not come to its end:\n${trace}`);
    });
  }
});
