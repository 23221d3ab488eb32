import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import type { NetworkFixture } from '../../harness/netns.js';

const METRIC = 'ebpf_exporter_udp_fail_queue_rcv_skbs_total';
const DATAGRAMS = 101;

/** Sends to itself and reads only when all have been sent (or each at once); prints its port and how many came. */
const WORKLOAD = `
import json, socket, sys
host, datagrams, reads = sys.argv[1], int(sys.argv[2]), sys.argv[3] == 'read'
server = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
server.bind((host, 0))
received = 0
for _ in range(datagrams):
    server.sendto(b'x' * 500, server.getsockname())
    if reads:
        server.recv(500)
        received += 1
server.setblocking(False)
try:
    while True:
        server.recv(500)
        received += 1
except BlockingIOError:
    pass
print(json.dumps({'port': server.getsockname()[1], 'received': received}))
`;

/** The kernel counts them too: UdpRcvbufErrors, Udp6RcvbufErrors. */
export function udpDropsTests(sonde: Scraped, network: NetworkFixture, variant: 'tp_btf' | 'fexit' | 'ipv4'): void {
  async function errors(host: string): Promise<number> {
    if (host.includes(':')) return counter(await network.server.counters6(), 'Udp6RcvbufErrors');
    return counter(await network.server.counters(), 'Udp.RcvbufErrors');
  }

  async function during(host: string, how: 'read' | 'leave'): Promise<{ drops: number; lost: number; told: number }> {
    const toldBefore = await errors(host);
    const { port, received } = await network.server.python<{ port: number; received: number }>(
      WORKLOAD,
      host,
      DATAGRAMS,
      how,
    );
    return {
      drops: total(await sonde.metrics(), METRIC, { local_port: String(port) }),
      lost: DATAGRAMS - received,
      told: (await errors(host)) - toldBefore,
    };
  }

  describe(`udp-drops (${variant})`, () => {
    for (const host of variant === 'ipv4' ? ['127.0.0.1'] : ['127.0.0.1', '::1']) {
      test(`counts what is lost of ${DATAGRAMS} datagrams to ${host} that nobody reads`, async () => {
        const { drops, lost, told } = await during(host, 'leave');
        assert.ok(lost > 50, `${lost} lost`);
        assert.deepEqual({ drops, told }, { drops: lost, told: lost });
      });

      test(`counts none when they are read, to ${host}`, async () => {
        assert.deepEqual(await during(host, 'read'), { drops: 0, lost: 0, told: 0 });
      });
    }
  });
}
