import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import type { NetworkFixture } from '../../harness/netns.js';

const METRIC = 'ebpf_exporter_inet_frags_total';
const DATAGRAMS = 23;

/** Sends to itself over loopback and waits for each to arrive. */
const WORKLOAD = `
import socket, sys
host, datagrams, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
server = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
server.bind((host, 0))
for _ in range(datagrams):
    server.sendto(b'x' * size, server.getsockname())
    server.recv(size)
print(datagrams)
`;

/** With an MTU of 1500, 2000 bytes are two fragments. The kernel counts what it reassembles: IpReasmReqds, Ip6ReasmReqds. */
export function inetFragsTests(sonde: Scraped, network: NetworkFixture, variant: 'fentry' | 'tp_btf'): void {
  async function during(host: string, bytes: number): Promise<{ counted: number; told: number }> {
    const version = host.includes(':') ? '6' : '4';
    const requests = async (): Promise<number> =>
      version === '6'
        ? counter(await network.server.counters6(), 'Ip6ReasmReqds')
        : counter(await network.server.counters(), 'Ip.ReasmReqds');
    const fragments = async (): Promise<number> =>
      total(await sonde.metrics(), METRIC, { interface: 'lo', ip_version: version });
    const [countedBefore, toldBefore] = [await fragments(), await requests()];
    await network.server.python(WORKLOAD, host, DATAGRAMS, bytes);
    return { counted: (await fragments()) - countedBefore, told: (await requests()) - toldBefore };
  }

  describe(`inet-frags (${variant})`, () => {
    before(() => network.server.exec('ip', 'link', 'set', 'lo', 'mtu', '1500'));

    for (const host of ['127.0.0.1', '::1']) {
      test(`counts two fragments for each of ${DATAGRAMS} datagrams, to ${host}`, async () => {
        assert.deepEqual(await during(host, 2000), { counted: 2 * DATAGRAMS, told: 2 * DATAGRAMS });
      });

      test(`counts none for datagrams in one piece, to ${host}`, async () => {
        assert.deepEqual(await during(host, 1000), { counted: 0, told: 0 });
      });
    }
  });
}
