import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import { ended, Network, says, type Namespace } from '../../harness/netns.js';
import type { ConnectArgument } from '../../harness/workload-connect.js';
import type { ProbeArgument } from '../../harness/workload-probe.js';
import type { SendArgument } from '../../harness/workload-send.js';
import type { ServeArgument } from '../../harness/workload-serve.js';

const IPV4 = 'ebpf_exporter_tcp_retransmit_ipv4_packets_total';
const IPV6 = 'ebpf_exporter_tcp_retransmit_ipv6_packets_total';
const PORT = 9999;
/** SYNs are sent again after 1 s and after 3 s. */
const CONNECT_MS = 3500;
/** A loss probe goes out about 0.2 s after the lost segment, a retransmission as long after that. */
const PROBE_MS = 1500;

export interface TcpRetransmitOptions {
  /** The kernel has netem. */
  readonly netem: boolean;
  /** Only what can differ between variants: how a loss probe is told. */
  readonly onlyType?: boolean;
  /**
   * Now and then a retransmission that the kernel counts reaches no program at all: seen on the development machines' 6.18, about
   * once in 140 connections, also by an independent program on the same tracepoint, with no loss or recursion counted. There a test
   * may see fewer than the kernel counted twice, but never more, and must see all the third time.
   */
  readonly mayMiss?: boolean;
}

/** The kernel's own count is RetransSegs of the client's network namespace, which no one else sends in. */
export function tcpRetransmitTests(
  sonde: Scraped,
  { netem, onlyType = false, mayMiss = false }: TcpRetransmitOptions,
): void {
  const inNetwork = (t: Cleanup, body: (network: Loss) => Promise<void>): Promise<void> =>
    attempts(mayMiss ? 3 : 1, () => inOneNetwork(t, body));

  // Some at once: each test has a network of its own, and they mostly wait for timers.
  describe('tcp-retransmit', { concurrency: 3 }, () => {
    test('tells the probe for a lost tail from the retransmission that follows', (t) =>
      inNetwork(t, async ({ client, server, lose }) => {
        const stop = await serve(server);
        const workload = client.spawn('probe', {
          host: server.ipv4,
          port: PORT,
          forMs: PROBE_MS,
        } satisfies ProbeArgument);
        await says(workload, 'connected');
        await lose();
        workload.stdin!.write('\n');
        await ended(workload);
        await stop();
        await client.quiet();
        const counters = await client.counters();
        const [sent, probes] = [counter(counters, 'Tcp.RetransSegs'), counter(counters, 'TcpExt.TCPLossProbes')];
        assert.ok(probes >= 1, 'the kernel probed'); // with the lost segment: nothing new was there to probe with
        assert.ok(sent > probes, `${sent} segments, ${probes} of them a probe`);
        const samples = await sonde.metrics();
        const labels = { local_ip: client.ipv4, peer_ip: server.ipv4, main_port: String(PORT) };
        assert.equal(total(samples, IPV4, { ...labels, type: 'tail_loss_probe' }), probes);
        assert.equal(total(samples, IPV4, { ...labels, type: 'retransmit' }), sent - probes);
      }));

    if (netem) netemTest();
    if (onlyType) return;

    test('counts the SYNs that a client sends again, over IPv4', (t) =>
      inNetwork(t, async ({ client, server, lose }) => {
        await lose();
        await connectInVain(client, [{ host: server.ipv4, port: PORT }]);
        const sent = await retransmitted(client);
        assert.ok(sent >= 2, `the kernel sent ${sent} SYNs again`);
        const samples = await sonde.metrics();
        const labels = { local_ip: client.ipv4, peer_ip: server.ipv4, main_port: String(PORT), type: 'retransmit' };
        assert.equal(total(samples, IPV4, labels), sent);
        assert.equal(total(samples, IPV4, { local_ip: client.ipv4 }), sent, 'and no other series has any');
      }));

    test('counts the SYNs that a client sends again, over IPv6', (t) =>
      inNetwork(t, async ({ client, server, lose }) => {
        await lose();
        await connectInVain(client, [{ host: server.ipv6, port: PORT }]);
        const sent = await retransmitted(client);
        assert.ok(sent >= 2, `the kernel sent ${sent} SYNs again`);
        const samples = await sonde.metrics();
        const labels = { local_ip: client.ipv6, peer_ip: server.ipv6, main_port: String(PORT), type: 'retransmit' };
        assert.equal(total(samples, IPV6, labels), sent);
        assert.equal(total(samples, IPV6, { local_ip: client.ipv6 }), sent, 'and no other series has any');
      }));

    test('names the lower port, none when both are ephemeral, and counts a dual-stack socket as the IPv4 it sends', (t) =>
      inNetwork(t, async ({ client, server, lose }) => {
        await lose();
        await connectInVain(client, [
          { host: server.ipv4, port: 40_001, localPort: 40_003 },
          { host: server.ipv4, port: 40_001, localPort: 5_003 },
          { host: `::ffff:${server.ipv4}`, port: 7 },
        ]);
        const samples = await sonde.metrics();
        const byPort = ['0', '5003', '7'].map((port) =>
          total(samples, IPV4, { local_ip: client.ipv4, main_port: port }),
        );
        assert.ok(Math.min(...byPort) >= 2, `by port: ${byPort.join(', ')}`);
        assert.equal(
          byPort.reduce((sum, count) => sum + count),
          await retransmitted(client),
        );
      }));

    test('counts nothing for a connection without loss', async (t) => {
      // A slow machine (an emulated one) may send again what is not lost, only late: then once more.
      for (let attempt = 1; attempt <= 5; attempt++) {
        if ((await countWithoutLoss(t)) === 0) return;
      }
      assert.fail('the kernel sent again what was not lost, five times');
    });

    /** Returns how many segments the kernel sent again, which is what was counted too. */
    async function countWithoutLoss(t: Cleanup): Promise<number> {
      let sent = -1;
      await inNetwork(t, async ({ client, server }) => {
        const stop = await serve(server);
        await send(client, server.ipv4, { bulkBytes: 20_000, writes: 0 });
        await send(client, server.ipv6, { bulkBytes: 20_000, writes: 0 });
        await stop();
        await client.quiet();
        sent = await retransmitted(client);
        const samples = await sonde.metrics();
        const counted =
          total(samples, IPV4, { local_ip: client.ipv4 }) + total(samples, IPV6, { local_ip: client.ipv6 });
        assert.equal(counted, sent);
      });
      return sent;
    }

    function netemTest(): void {
      test('counts every segment sent again when a fifth is lost', { timeout: 120_000 }, (t) =>
        inNetwork(t, async ({ client, server }) => {
          await client.exec('tc', 'qdisc', 'add', 'dev', 'veth0', 'root', 'netem', 'loss', '20%', 'delay', '5ms');
          const stop = await serve(server);
          const data = { bulkBytes: 200_000, writes: 15 };
          await Promise.all([send(client, server.ipv4, data), send(client, server.ipv6, data)]);
          await client.quiet();
          await stop();
          const counters = await client.counters();
          assert.equal(
            counter(counters, 'TcpExt.TCPRetransFail'),
            0,
            'what could not be sent is not counted by the probe',
          );
          const sent = counter(counters, 'Tcp.RetransSegs');
          assert.ok(sent > 20, `400 kB with a loss of 20 %, and only ${sent} segments sent again`);
          const samples = await sonde.metrics();
          const counted = (labels: Record<string, string>): number =>
            total(samples, IPV4, { local_ip: client.ipv4, ...labels }) +
            total(samples, IPV6, { local_ip: client.ipv6, ...labels });
          assert.equal(counted({}), sent);
          // TCPLossProbes also counts probes with new data, which are no retransmissions.
          const probes = counted({ type: 'tail_loss_probe' });
          assert.ok(probes <= counter(counters, 'TcpExt.TCPLossProbes'), `${probes} probes`);
        }),
      );
    }
  });
}

interface Loss {
  readonly client: Namespace;
  readonly server: Namespace;
  readonly lose: () => Promise<void>;
}

interface Cleanup {
  after(fn: () => Promise<void>): void;
}

/** Repeats what failed only by counting fewer than the kernel did. */
async function attempts(most: number, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= most || !(error instanceof assert.AssertionError)) throw error;
      const { actual, expected } = error;
      if (typeof actual !== 'number' || typeof expected !== 'number' || actual >= expected) throw error;
      console.log(`# counted ${actual} of ${expected} retransmissions: trying again`);
    }
  }
}

async function inOneNetwork(t: Cleanup, body: (network: Loss) => Promise<void>): Promise<void> {
  const network = await Network.create();
  t.after(() => network.close());
  await body({ client: network.client, server: network.server, lose: () => network.lose() });
}

async function connectInVain(client: Namespace, to: ConnectArgument['to']): Promise<void> {
  await client.run('connect', { to, forMs: CONNECT_MS } satisfies ConnectArgument);
  await client.quiet();
}

/** Returns what stops it. */
async function serve(server: Namespace): Promise<() => Promise<void>> {
  const workload = server.spawn('serve', { port: PORT } satisfies ServeArgument);
  await says(workload, 'listening');
  return () => {
    workload.stdin!.end();
    return ended(workload);
  };
}

async function send(client: Namespace, host: string, data: Pick<SendArgument, 'bulkBytes' | 'writes'>): Promise<void> {
  await client.run('send', { host, port: PORT, pauseMs: 120, ...data } satisfies SendArgument);
}

async function retransmitted(client: Namespace): Promise<number> {
  return counter(await client.counters(), 'Tcp.RetransSegs');
}
