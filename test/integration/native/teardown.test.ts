import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runChild } from '../../harness/child.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { TEARDOWN_SCENARIOS } from './teardown-scenarios.js';

const CHILD = join(import.meta.dirname, 'teardown-child.js');

describe('teardown', { skip: skipUnlessRoot }, () => {
  compileFixture('maps');
  compileFixture('events');

  for (const scenario of TEARDOWN_SCENARIOS) {
    it(scenario, async () => {
      const result = await runChild(CHILD, [scenario], { nodeArgs: ['--expose-gc'] });
      assert.deepEqual(result, { status: 0, signal: null, stdout: 'done', stderr: '' });
    });
  }

  it('a callback that throws, with no handler: ends the process as any uncaught exception', async () => {
    const { status, signal, stderr } = await runChild(CHILD, ['a callback that throws, with no handler']);
    assert.deepEqual([status, signal], [1, null]);
    assert.match(stderr, /Error: thrown by the callback\n\s+at/);
  });
});
