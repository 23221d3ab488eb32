import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { softirqs } from '../../harness/kernel-truth.js';
import { Network } from '../../harness/netns.js';
import type { DatagramsArgument } from '../../harness/workload-datagrams.js';

const PREFIX = 'ebpf_exporter_softirq_';
const DATAGRAMS = 501;
/** One softirq a CPU can be between the kernel's count and the program's when they are read. */
const UNDER_WAY = availableParallelism();

/** All values are of the time between two scrapes. */
interface Interval {
  /** The kernel's own counts, read within the two scrapes and around them: the truth is not below the one nor above the other. */
  readonly within: ReadonlyMap<string, number>;
  readonly around: ReadonlyMap<string, number>;
  count(metric: string, kind: string): number;
}

/** The whole machine's softirqs are counted, so the kernel's count is read just before and just after each scrape. */
export function softirqLatencyTests(sonde: Scraped): void {
  describe('softirq-latency', () => {
    let network: Network;
    let interval: Interval;

    before(async () => {
      network = await Network.create();
      const scrapes: Sample[][] = [];
      const truth: Map<string, number>[] = [];
      const scrape = async (): Promise<void> => {
        truth.push(await softirqs());
        scrapes.push(await sonde.metrics());
        truth.push(await softirqs());
      };
      await scrape();
      await network.client.run('datagrams', { count: DATAGRAMS, bytes: 100 } satisfies DatagramsArgument);
      await scrape();
      interval = {
        within: difference(truth[1]!, truth[2]!),
        around: difference(truth[0]!, truth[3]!),
        count: (metric, kind) =>
          total(scrapes[1]!, PREFIX + metric, { kind }) - total(scrapes[0]!, PREFIX + metric, { kind }),
      };
    });
    after(async () => {
      await network?.close();
    });

    test('counts the softirqs that were serviced, by kind, as /proc/softirqs does', () => {
      for (const [kind, least] of interval.within) {
        assertBetween(interval.count('serviced_total', kind), least, interval.around.get(kind)!, `${kind} serviced`);
      }
      // Each datagram is received in a softirq of its own: the next is sent when it has arrived.
      const received = interval.count('serviced_total', 'NET_RX_SOFTIRQ');
      assert.ok(received >= DATAGRAMS, `${received} NET_RX softirqs for ${DATAGRAMS} datagrams`);
    });

    test('counts none of a kind that the kernel did not service', () => {
      const idle = [...interval.around].filter(([, count]) => count === 0);
      assert.notEqual(idle.length, 0, 'HI_SOFTIRQ or IRQ_POLL_SOFTIRQ, or both, are idle everywhere');
      for (const [kind] of idle) {
        for (const metric of ['serviced_total', 'service_latency_seconds_count', 'entry_latency_seconds_count']) {
          assert.equal(interval.count(metric, kind), 0, `${kind} ${metric}`);
        }
      }
    });

    test('has a time of service for each one that was serviced', () => {
      for (const [kind, least] of interval.within) {
        assertBetween(interval.count('service_latency_seconds_count', kind), least, interval.around.get(kind)!, kind);
      }
      const seconds = interval.count('service_latency_seconds_sum', 'NET_RX_SOFTIRQ');
      assert.ok(seconds > 0 && seconds < 60, `${seconds} s in NET_RX`);
    });

    test('counts a raise at least for each service, and has a time of waiting at most for each', () => {
      for (const [kind, least] of interval.within) {
        const [raised, waits] = [
          interval.count('raised_total', kind),
          interval.count('entry_latency_seconds_count', kind),
        ];
        assert.ok(raised >= least - UNDER_WAY, `${kind}: ${raised} raised, ${least} serviced`);
        assert.ok(waits <= interval.around.get(kind)! + UNDER_WAY, `${kind}: ${waits} waits`);
      }
      // A raise within the service before has no time of its own, but here each waits for the next datagram.
      const waits = interval.count('entry_latency_seconds_count', 'NET_RX_SOFTIRQ');
      assert.ok(waits >= DATAGRAMS * 0.9, `${waits} waits of NET_RX for ${DATAGRAMS} datagrams`);
    });
  });
}

function difference(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...to].map(([kind, count]) => [kind, count - from.get(kind)!]));
}

function assertBetween(value: number, least: number, most: number, what: string): void {
  assert.ok(
    value >= least - UNDER_WAY && value <= most + UNDER_WAY,
    `${what}: ${value}, the kernel says ${least} to ${most}`,
  );
}
