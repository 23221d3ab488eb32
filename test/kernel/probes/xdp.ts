import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import { scrapeIn } from '../../harness/namespaced-sonde.js';
import { Network } from '../../harness/netns.js';
import { startSonde } from '../../harness/sonde.js';

const METRIC = 'ebpf_exporter_xdp_incoming_packets_total';
const PROBES = fileURLToPath(new URL('../../../bpf', import.meta.url));
const PACKETS = 23;
const [UDP_PORT, TCP_PORT, IDLE_PORT] = [9, 11, 13];

/** Over loopback: datagrams that nobody takes, over IPv4 and IPv6, and SYNs that are refused. Each datagram comes back as ICMP. */
const WORKLOAD = `
import socket, sys
packets, udp, tcp = map(int, sys.argv[1:])
for family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
    sender = socket.socket(family, socket.SOCK_DGRAM)
    for _ in range(packets):
        sender.sendto(b'x', (host, udp))
    for _ in range(packets):
        assert socket.socket(family).connect_ex((host, tcp)) != 0
print(packets)
`;

/** In a network namespace: the probe is for its loopback interface, and that of the machine is left alone. */
export function xdpTests(): void {
  describe('xdp', () => {
    test(`counts ${PACKETS} datagrams and ${PACKETS} SYNs by port and version, and nothing for a port without`, async (t) => {
      const network = await Network.create();
      t.after(() => network.close());
      const { client } = network;
      const args = ['--config.dir', PROBES, '--config.names', 'xdp'];
      const sonde = await startSonde(t, args, 'run', ['nsenter', `--net=/run/netns/${client.name}`]);
      await client.python(WORKLOAD, PACKETS, UDP_PORT, TCP_PORT);
      const samples = await scrapeIn(network, sonde);
      for (const ip of ['127.0.0.1', '::1']) {
        assert.equal(packets(samples, ip, 'udp', UDP_PORT), PACKETS);
        assert.equal(packets(samples, ip, 'tcp', TCP_PORT), PACKETS);
        assert.equal(packets(samples, ip, 'udp', IDLE_PORT), 0);
      }
      // The kernel answers every datagram, but not more often than its limit has it.
      assert.ok(packets(samples, '127.0.0.1', 'icmp', 0) > 0);
      assert.ok(packets(samples, '::1', 'icmpv6', 0) > 0);
      assert.equal(await sonde.stop(), 0);
      assert.doesNotMatch(await client.exec('ip', 'link', 'show', 'lo'), /xdp/);
    });
  });
}

function packets(samples: readonly Sample[], ip: string, protocol: string, port: number): number {
  return total(samples, METRIC, { ip, protocol, dst_port: String(port) });
}
