import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import { Network } from '../../harness/netns.js';
import type { DatagramsArgument } from '../../harness/workload-datagrams.js';

/** What the kernel calls when an IPv4 datagram's fragments have not all come in time: one timer for each such datagram. */
const FUNCTION = 'ip_expire';
const COUNT = 23;

/**
 * A machine starts timers all the time, but no one else on it gets fragmented datagrams: with this function the count is the
 * test's own.
 */
export function timersTests(sonde: Scraped): void {
  timerStartsTests(sonde, 'timers', 'ebpf_exporter_timer_starts_total');
}

/** The same by another hook. */
export function rawTracepointsTests(sonde: Scraped): void {
  timerStartsTests(sonde, 'raw-tracepoints', 'ebpf_exporter_raw_timer_starts_total');
}

function timerStartsTests(sonde: Scraped, probe: string, metric: string): void {
  describe(probe, () => {
    let network: Network;

    before(async () => {
      network = await Network.create();
      await network.client.exec('ip', 'link', 'set', 'lo', 'mtu', '1500');
    });
    after(async () => {
      await network?.close();
    });

    async function startsDuring(workload: DatagramsArgument): Promise<{ started: number; reassembled: number }> {
      const [timersBefore, countersBefore] = [await sonde.metrics(), await network.client.counters()];
      await network.client.run('datagrams', workload);
      const [timersAfter, countersAfter] = [await sonde.metrics(), await network.client.counters()];
      return {
        started:
          total(timersAfter, metric, { function: FUNCTION }) - total(timersBefore, metric, { function: FUNCTION }),
        reassembled: counter(countersAfter, 'Ip.ReasmOKs') - counter(countersBefore, 'Ip.ReasmOKs'),
      };
    }

    test(`counts the timers of ${COUNT} fragmented datagrams`, async () => {
      const { started, reassembled } = await startsDuring({ count: COUNT, bytes: 2000 });
      assert.equal(reassembled, COUNT, 'as the kernel says');
      assert.equal(started, COUNT);
    });

    test('counts none of them for datagrams in one piece', async () => {
      const { started, reassembled } = await startsDuring({ count: COUNT, bytes: 1000 });
      assert.equal(reassembled, 0, 'as the kernel says');
      assert.equal(started, 0);
    });

    test('names functions, not addresses', async () => {
      const functions = (await sonde.metrics())
        .filter(({ name }) => name === metric)
        .map(({ labels }) => labels['function']!);
      assert.ok(functions.includes('process_timeout'), 'every sleeping thread has one'); // schedule_timeout()
      const named = functions.filter((name) => /^[a-z_]\w*/i.test(name) && !name.startsWith('unknown'));
      assert.ok(named.length / functions.length > 0.5, `functions: ${functions.join(' ')}`);
    });
  });
}
