import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import { counter } from '../../harness/kernel-truth.js';
import type { NetworkFixture } from '../../harness/netns.js';

const METRIC = 'ebpf_exporter_tcp_syn_backlog';
/** listen(7) has room for eight connections: the kernel calls a queue full when it is longer than that. */
const [BACKLOG, ROOM, TOO_MANY] = [7, 8, 41];
/** Of the first eight, each finds one more than the one before, the others find eight. */
const SUM = (ROOM * (ROOM - 1)) / 2 + ROOM * TOO_MANY;

/** Connects to a listener that does not accept: until its queue is full, then as often again, and goes before SYNs are sent again. */
const WORKLOAD = `
import socket, sys
family, backlog, too_many = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
listener = socket.socket(family, socket.SOCK_STREAM)
listener.bind(('127.0.0.1' if family == socket.AF_INET else '::1', 0))
listener.listen(backlog)
accepted = []
for _ in range(backlog + 1):
    client = socket.socket(family, socket.SOCK_STREAM)
    client.connect(listener.getsockname())
    accepted.append(client)
refused = [socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(too_many)]
for client in refused:
    client.connect_ex(listener.getsockname())
    client.close()
print(len(refused))
`;
const AF_INET = 2;
const AF_INET6 = 10;

/** Connects to a port where nobody listens. */
const NOBODY_LISTENS = `
import socket
for _ in range(23):
    client = socket.socket()
    assert client.connect_ex(('127.0.0.1', 1)) != 0
print(0)
`;

/** The kernel counts the SYNs for which there was no room: TcpExtListenOverflows. */
export function tcpSynBacklogTests(sonde: Scraped, network: NetworkFixture): void {
  describe('tcp-syn-backlog', () => {
    for (const [version, family] of [
      ['IPv4', AF_INET],
      ['IPv6', AF_INET6],
    ] as const) {
      test(`has ${ROOM} SYNs that find room and ${TOO_MANY} that find a full queue, over ${version}`, async () => {
        const counted = await during(sonde, network, WORKLOAD, family, BACKLOG, TOO_MANY);
        assert.equal(counted.overflows, TOO_MANY, 'as the kernel says');
        assert.equal(counted.count, ROOM + TOO_MANY);
        assert.equal(counted.upTo('0'), 1);
        assert.equal(counted.upTo('50'), ROOM + TOO_MANY);
        // In whole fifties for each CPU; what is left of the time before counts, too.
        const slack = 50 * availableParallelism();
        assert.ok(Math.abs(counted.sum - SUM) < slack, `a sum of ${counted.sum}, not ${SUM}`);
      });
    }

    test('has none for SYNs to a port where nobody listens', async () => {
      const { count, overflows } = await during(sonde, network, NOBODY_LISTENS);
      assert.deepEqual({ count, overflows }, { count: 0, overflows: 0 });
    });
  });
}

export function tcpSynBacklogExp2ZeroTests(sonde: Scraped, network: NetworkFixture): void {
  describe('tcp-syn-backlog-exp2zero', () => {
    test(`has ${ROOM} SYNs that find room, each more in its way, and ${TOO_MANY} that find a full queue`, async () => {
      const counted = await during(sonde, network, WORKLOAD, AF_INET, BACKLOG, TOO_MANY);
      assert.equal(counted.overflows, TOO_MANY, 'as the kernel says');
      const bounds = ['0', '1', '2', '4', '8', '65536'];
      assert.deepEqual(bounds.map(counted.upTo), [1, 2, 3, 5, ROOM + TOO_MANY, ROOM + TOO_MANY]);
      assert.equal(counted.sum, SUM);
    });

    test('has none for SYNs to a port where nobody listens', async () => {
      assert.equal((await during(sonde, network, NOBODY_LISTENS)).count, 0);
    });
  });
}

interface Counted {
  readonly count: number;
  readonly sum: number;
  readonly overflows: number;
  readonly upTo: (bound: string) => number;
}

async function during(
  sonde: Scraped,
  { server }: NetworkFixture,
  workload: string,
  ...args: number[]
): Promise<Counted> {
  const [samplesBefore, countersBefore] = [await sonde.metrics(), await server.counters()];
  await server.python(workload, ...args);
  const [samples, counters] = [await sonde.metrics(), await server.counters()];
  const grown = (count: (of: readonly Sample[]) => number): number => count(samples) - count(samplesBefore);
  return {
    count: grown((of) => total(of, `${METRIC}_count`)),
    sum: grown((of) => total(of, `${METRIC}_sum`)),
    overflows: counter(counters, 'TcpExt.ListenOverflows') - counter(countersBefore, 'TcpExt.ListenOverflows'),
    upTo: (le) => grown((of) => total(of, `${METRIC}_bucket`, { le })),
  };
}
