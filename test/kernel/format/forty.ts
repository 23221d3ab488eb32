import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { obeyThisProcessIn } from '../../harness/bpf-fixture.js';
import { skipUnlessUnified } from '../../harness/cgroups.js';
import { untilShown } from '../../harness/fleet/same-series.js';
import { FortyHost, fortyNames, fortyPath } from '../../harness/forty.js';
import { select } from '../../harness/kernel-metrics.js';
import { startSonde, type Sonde } from '../../harness/sonde.js';
import { testFolder } from '../../services/folders.js';

/** Where a collector sends to, and what shows it: `sonde aggregate`. */
export interface Fleet {
  readonly broker: string;
  readonly aggregator: string;
  /** What the aggregator calls this host. */
  readonly instance: string;
}

/** On every kernel: nothing says to what they are to be attached. */
const NEVER = {
  'cgroup-skb/by_cgroup_skb':
    'cgroup_skb/egress does not say what to attach to: programs of this kind are not attached by themselves',
  'cgroup-skb/by_cgroup_sock':
    'cgroup/sock_create does not say what to attach to: programs of this kind are not attached by themselves',
};

/**
 * The 40 configs of `test/fixtures/forty`, as one directory, on the kernel that this runs on.
 * @param refused programs that this kernel does not take, as CONFIG/PROGRAM, and the reason.
 * @param join what a collector of this host can send to.
 */
export function fortyTests(refused: Readonly<Record<string, string>>, join: (t: TestContext) => Promise<Fleet>): void {
  describe('40 configs as one', { skip: skipUnlessUnified }, () => {
    test('give the values that were worked out by hand', async (t) => {
      const host = new FortyHost(t);
      const sonde = await startForty(t, host);
      const samples = await sonde.scrape();
      const down = select(samples, 'sonde_program_up').filter(({ value }) => value === 0);
      const reasons = down.map(({ labels: { config, program, reason } }) => [`${config}/${program}`, reason]);
      assert.deepEqual(Object.fromEntries(reasons), { ...NEVER, ...refused }, sonde.stderr());
      assert.deepEqual(
        select(samples, 'ebpf_exporter_enabled_configs').map(({ labels }) => labels['name']),
        fortyNames(),
      );
      await host.doAll(sonde.pid);
      await untilShown(sonde.url, host.lines(configsOf(refused)), () => sonde.stderr());
      assert.equal(await sonde.stop(), 0);
    });

    test('give the same through Kafka', async (t) => {
      const { broker, aggregator, instance } = await join(t);
      const host = new FortyHost(t);
      const spool = testFolder(t, 'spool');
      const fleet = ['--kafka.brokers', broker, '--spool.dir', spool, '--host.id', instance, '--host.name', instance];
      const collector = await startForty(t, host, [...fleet, '--poll-interval', '1'], 'collect');
      await host.doAll(collector.pid);
      await untilShown(aggregator, host.lines(configsOf(refused)), () => collector.stderr(), instance);
      assert.equal(await collector.stop(), 0);
    });
  });
}

async function startForty(
  t: TestContext,
  host: FortyHost,
  args: readonly string[] = [],
  command: 'run' | 'collect' = 'run',
): Promise<Sonde> {
  const configs = ['--config.dir', host.configs(), '--config.names', fortyNames().join()];
  const sonde = await startSonde(t, [...configs, ...args], command, ['env', `PATH=${fortyPath()}`]);
  obeyThisProcessIn(sonde.pid);
  return sonde;
}

function configsOf(programs: Readonly<Record<string, string>>): Set<string> {
  return new Set(Object.keys(programs).map((program) => program.slice(0, program.indexOf('/'))));
}
