import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { total } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import type { NetworkFixture } from '../../harness/netns.js';

const IPV4 = 'ebpf_exporter_icmp4_received_packets_total';
const IPV6 = 'ebpf_exporter_icmp6_received_packets_total';
const [PINGS4, PINGS6] = [23, 17];

/** Echo requests, and waits for the answers, so that none is on its way when it ends. The kernel makes the IPv6 checksum. */
const WORKLOAD = `
import socket, struct, sys
host, pings = sys.argv[1], int(sys.argv[2])
if ':' in host:
    ping = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    request, answer, header = bytes([128, 0, 0, 0, 0, 1, 0, 1]), 129, 0
else:
    ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    request, answer, header = bytes([8, 0, 0xf7, 0xfd, 0, 1, 0, 1]), 0, 20
ping.settimeout(10)
for _ in range(pings):
    ping.sendto(request, (host, 0))
    while ping.recv(100)[header] != answer:
        pass
print(pings)
`;

/** The kernel counts ICMP by namespace, IcmpInMsgs and Icmp6InMsgs, the probe by sender. */
export function icmpIpTests(sonde: Scraped, network: NetworkFixture, variant: 'fentry' | 'tp_btf'): void {
  const counted = async (metric: string, address: string): Promise<number> =>
    total(await sonde.metrics(), metric, { source_addr: address });

  describe(`icmp-ip (${variant})`, () => {
    test(`counts ${PINGS4} packets over IPv4 for the one who sent them`, async () => {
      const { client, server } = network;
      const [before, toldBefore] = [await counted(IPV4, client.ipv4), await server.counters()];
      await client.python(WORKLOAD, server.ipv4, PINGS4);
      const told = counter(await server.counters(), 'Icmp.InMsgs') - counter(toldBefore, 'Icmp.InMsgs');
      assert.equal(told, PINGS4, 'as the kernel says');
      assert.equal((await counted(IPV4, client.ipv4)) - before, PINGS4);
    });

    test(`counts ${PINGS6} packets over IPv6 for the one who sent them`, async () => {
      const { client, server } = network;
      const [before, toldBefore] = [await counted(IPV6, client.ipv6), await server.counters6()];
      await client.python(WORKLOAD, server.ipv6, PINGS6);
      const told = counter(await server.counters6(), 'Icmp6InEchos') - counter(toldBefore, 'Icmp6InEchos');
      assert.equal(told, PINGS6, 'as the kernel says');
      assert.equal((await counted(IPV6, client.ipv6)) - before, PINGS6);
    });

    test('counts nothing for one who sends other packets', async () => {
      const { client, server } = network;
      const before = [await counted(IPV4, client.ipv4), await counted(IPV6, client.ipv6)];
      const script = `import socket, sys
for family, host in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])):
    sender = socket.socket(family, socket.SOCK_RAW, 253) # for experiments; nobody takes it, and IPv4 only is answered
    sender.sendto(b'x' * 8, (host, 0))
print(0)`;
      await client.python(script, server.ipv4, server.ipv6);
      assert.deepEqual([await counted(IPV4, client.ipv4), await counted(IPV6, client.ipv6)], before);
    });
  });
}
