import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AimedNetwork } from '../../harness/aimed-network.js';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import type { Namespace } from '../../harness/netns.js';
import { until } from '../../harness/until.js';

const METRIC = 'ebpf_exporter_kfree_skb_total';
/** Nobody listens there. */
const PORT = 9873;
const DATAGRAMS = 23;
/** Each by a socket of its own, so that none is told of the errors of others. */
const SEND = 'i=0; while [ $i -lt "$1" ]; do echo lost > "/dev/udp/$2/$3"; i=$((i + 1)); done';

/** Datagrams to a port that nobody has. The kernel counts those over IPv4 as Udp.NoPorts. */
export function kfreeSkbTests(sonde: Scraped, fixture: AimedNetwork): void {
  describe('kfree_skb', () => {
    /** Of datagrams to that port that were dropped. */
    async function dropped(eth_proto: string, reason?: string): Promise<number> {
      const labels = { eth_proto, ip_proto: 'udp', port: String(PORT) };
      return total(await sonde.metrics(), METRIC, reason === undefined ? labels : { ...labels, reason });
    }

    test(`counts ${DATAGRAMS} datagrams to a port that nobody listens on, and says so`, async () => {
      const { client, server } = fixture.network;
      const from = counter(await server.counters(), 'Udp.NoPorts');
      await send(client, server.ipv4);
      await send(client, server.ipv6);
      await until(
        async () => counter(await server.counters(), 'Udp.NoPorts') - from >= DATAGRAMS,
        'datagrams to arrive',
      );
      for (const eth of ['ipv4', 'ipv6']) {
        await until(async () => (await dropped(eth)) >= DATAGRAMS, `${eth} datagrams to be dropped`);
        assert.equal(await dropped(eth, 'SKB_DROP_REASON_NO_SOCKET'), DATAGRAMS);
        assert.equal(await dropped(eth), DATAGRAMS, 'and for no other reason');
      }
      assert.equal(counter(await server.counters(), 'Udp.NoPorts') - from, DATAGRAMS, 'as the kernel says');
    });

    test('counts none of another network namespace', async () => {
      const { client } = fixture.network;
      const from = [await dropped('ipv4'), counter(await client.counters(), 'Udp.NoPorts')];
      await send(client, '127.0.0.1');
      const to = [await dropped('ipv4'), counter(await client.counters(), 'Udp.NoPorts')];
      assert.deepEqual([to[0]! - from[0]!, to[1]! - from[1]!], [0, DATAGRAMS]);
    });
  });
}

async function send(client: Namespace, host: string): Promise<void> {
  await client.exec('bash', '-c', SEND, 'bash', String(DATAGRAMS), host, String(PORT));
}
