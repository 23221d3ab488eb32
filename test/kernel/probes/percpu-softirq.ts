import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { select } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { softirqsByCpu } from '../../harness/kernel-truth.js';
import { Network } from '../../harness/netns.js';
import type { DatagramsArgument } from '../../harness/workload-datagrams.js';

const METRIC = 'ebpf_exporter_softirqs_total';
const DATAGRAMS = 501;
/** A softirq may have begun and be counted by only one of the two when they are read. */
const UNDER_WAY = 1;

/** The whole machine's softirqs are counted, so the kernel's count is read just before and just after each scrape. */
export function percpuSoftirqTests(sonde: Scraped): void {
  describe('percpu-softirq', () => {
    test('counts softirqs on each CPU as /proc/softirqs does, and none where there are none', async (t) => {
      const network = await Network.create();
      t.after(() => network.close());
      const read = async (): Promise<Reading> => {
        const before = await softirqsByCpu();
        const samples = select(await sonde.metrics(), METRIC);
        const counted = new Map(samples.map(({ labels, value }) => [`${labels['vec']}/${labels['cpu']}`, value]));
        return { before, counted, after: await softirqsByCpu() };
      };
      const from = await read();
      await network.client.run('datagrams', { count: DATAGRAMS, bytes: 100 } satisfies DatagramsArgument);
      const to = await read();
      let [received, idle] = [0, 0];
      for (const key of to.after.keys()) {
        const counted = (to.counted.get(key) ?? 0) - (from.counted.get(key) ?? 0);
        const least = to.before.get(key)! - from.after.get(key)!;
        const most = to.after.get(key)! - from.before.get(key)!;
        assert.ok(
          counted >= least - UNDER_WAY && counted <= most + UNDER_WAY,
          `${key}: ${counted}, the kernel says ${least} to ${most}`,
        );
        if (key.startsWith('NET_RX_SOFTIRQ/')) received += counted;
        if (most === 0) {
          assert.equal(counted, 0, key);
          idle += 1;
        }
      }
      assert.ok(received >= DATAGRAMS, `${received} NET_RX softirqs for ${DATAGRAMS} datagrams`);
      assert.notEqual(idle, 0, 'HI_SOFTIRQ or IRQ_POLL_SOFTIRQ, or both, are idle everywhere');
    });
  });
}

interface Reading {
  readonly before: ReadonlyMap<string, number>;
  readonly counted: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
}
