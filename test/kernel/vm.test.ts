import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileFixture } from '../harness/compile-bpf.js';
import { AggregatorProcess } from '../harness/fleet/processes.js';
import { compileForty } from '../harness/forty.js';
import { runSonde } from '../harness/sonde.js';
import { GuestError } from '../harness/test-run.js';
import { runInGuest } from '../harness/vm.js';
import { startKafka } from '../services/kafka.js';
import { compileMallocs } from './probes/uprobe.js';

/** Boots each kernel once, runs the tests of `guest/` in it, and gives each of their results as its own. */
const KERNELS = [
  { name: 'Linux 6.1', suite: 'bookworm' },
  { name: 'Linux 6.12', suite: 'bookworm-backports' },
];
const GUEST_TESTS = ['fleet', 'format', 'forty', 'on-demand', 'probes'].map((name) =>
  fileURLToPath(new URL(`./guest/${name}.test.js`, import.meta.url)),
);
/** A pass should stay under 15 minutes; on a machine that does other things too it takes longer. */
const TIMEOUT_SECONDS = 1800;

describe('in guests', { concurrency: true }, () => {
  for (const { name, suite } of KERNELS) {
    test(name, async (t) => {
      // What a guest's collector sends to: a broker and an aggregator on this machine.
      for (const fixture of ['cgroup-storage', 'cgroups', 'commands', 'decoders', 'map-kinds', 'sections', 'values'])
        compileFixture(fixture, 'bpf');
      compileForty();
      compileMallocs();
      const kafka = await startKafka(t);
      const brokers = ['--kafka.brokers', kafka.brokers[0]!];
      assert.equal((await runSonde(['topics', 'create', ...brokers])).status, 0);
      const aggregator = await AggregatorProcess.serving(t, brokers);
      const { tests, status, trace } = await runInGuest({
        suite,
        files: GUEST_TESTS,
        timeoutSeconds: TIMEOUT_SECONDS,
        environment: {
          SONDE_TEST_BROKER_PORT: portOf(kafka.brokers[0]!),
          SONDE_TEST_AGGREGATOR_PORT: portOf(aggregator.url),
          SONDE_TEST_HOST: suite,
        },
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

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
