import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import type { NetworkFixture } from '../../harness/netns.js';

const METRIC = 'ebpf_exporter_tcp_window_clamps_total';
const CONNECTIONS = 5;

/** Connections with data that is not read, in receive buffers that are large enough, or that shrink below what is in them. */
const WORKLOAD = `
import socket, sys
connections, shrink = int(sys.argv[1]), sys.argv[2] == 'small'
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(connections)
kept = []
for _ in range(connections):
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect(listener.getsockname())
    server, _ = listener.accept()
    for i in range(20):
        if i == 10 and shrink:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.send(b'x' * 1000)
    kept += [client, server]
print(connections)
`;

/** The kernel counts how often it looks for room in a receive buffer, TcpExtPruneCalled: clamping is a part of that. */
export function tcpWindowClampsTests(sonde: Scraped, network: NetworkFixture): void {
  async function during(buffers: 'small' | 'large'): Promise<{ clamps: number; prunes: number }> {
    const [samplesBefore, countersBefore] = [await sonde.metrics(), await network.server.counters()];
    await network.server.python(WORKLOAD, CONNECTIONS, buffers);
    const [samples, counters] = [await sonde.metrics(), await network.server.counters()];
    return {
      clamps: total(samples, METRIC) - total(samplesBefore, METRIC),
      prunes: counter(counters, 'TcpExt.PruneCalled') - counter(countersBefore, 'TcpExt.PruneCalled'),
    };
  }

  describe('tcp-window-clamps', () => {
    // Two segments of loopback's own size are more than a window.
    before(() => network.server.exec('ip', 'link', 'set', 'lo', 'mtu', '1500'));

    test(`counts one for each of ${CONNECTIONS} connections whose receive buffer is too small`, async () => {
      const { clamps, prunes } = await during('small');
      assert.ok(prunes >= CONNECTIONS, `the kernel looked for room ${prunes} times`);
      assert.equal(clamps, CONNECTIONS);
    });

    test('counts none where it is large enough', async () => {
      assert.deepEqual(await during('large'), { clamps: 0, prunes: 0 });
    });
  });
}
