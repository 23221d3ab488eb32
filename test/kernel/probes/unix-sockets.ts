import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { total, type Sample } from '../../harness/kernel-metrics.js';
import type { Scraped } from '../../harness/kernel-sonde.js';
import type { NetworkFixture } from '../../harness/netns.js';

const LATENCY = 'ebpf_exporter_unix_accept_latency_seconds';
const BACKLOG = 'ebpf_exporter_unix_socket_backlog';
const CONNECTIONS = 5;
/** listen(7) has room for eight connections: the kernel calls a queue full when it is longer than that. */
const [LISTEN, ROOM, TOO_MANY] = [7, 8, 41];

/** What the time from connect() to accept() was at most, in seconds over all connections; at least 0.3 s for each. */
const SLOW_SERVER = `
import socket, sys, time
name, connections = sys.argv[1].replace('@', chr(0)), int(sys.argv[2])
listener = socket.socket(socket.AF_UNIX)
listener.bind(name)
listener.listen(connections)
waited, kept = 0, []
for _ in range(connections):
    client = socket.socket(socket.AF_UNIX)
    begin = time.monotonic()
    client.connect(name)
    time.sleep(0.3)
    kept += [client, listener.accept()[0]]
    waited += time.monotonic() - begin
print(waited)
`;

/** Connects to a listener that does not accept, until its queue is full, then in vain; then the listener goes. */
const FULL_QUEUE = `
import socket, sys
name, backlog, too_many = sys.argv[1].replace('@', chr(0)), int(sys.argv[2]), int(sys.argv[3])
listener = socket.socket(socket.AF_UNIX)
listener.bind(name)
listener.listen(backlog)
kept, refused = [], 0
for _ in range(backlog + 1 + too_many):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        client.connect(name)
        kept.append(client)
    except BlockingIOError:
        refused += 1
listener.close()
print(refused)
`;

/** Datagrams to a socket that does not listen. */
const DATAGRAMS = `
import socket, sys
name = sys.argv[1].replace('@', chr(0))
server, client = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
server.bind(name)
for _ in range(5):
    client.sendto(b'x', name)
print(0)
`;

export function unixAcceptLatencyTests(sonde: Scraped, network: NetworkFixture): void {
  describe('unix-accept-latency', () => {
    for (const [kind, addr] of [
      ['a path', `/tmp/sonde-test-${process.pid}`],
      ['an abstract name', `@sonde-test-${process.pid}`],
    ] as const) {
      test(`has the time that ${CONNECTIONS} connections to ${kind} waited`, async () => {
        const seconds = await network.server.python<number>(SLOW_SERVER, addr, CONNECTIONS);
        const samples = await sonde.metrics();
        const bound = (le: string): number => total(samples, `${LATENCY}_bucket`, { addr, le });
        assert.equal(total(samples, `${LATENCY}_count`, { addr }), CONNECTIONS);
        assert.equal(bound('0.256'), 0, 'each waited 0.3 s');
        const sum = total(samples, `${LATENCY}_sum`, { addr });
        // Each is rounded to a millisecond.
        const rounding = CONNECTIONS * 0.0005;
        assert.ok(sum >= CONNECTIONS * 0.3 - rounding && sum <= seconds + rounding, `${sum} s of ${seconds}`);
      });
    }

    test('has none for connections that are not accepted, and forgets their start', async () => {
      const addr = `@sonde-none-${process.pid}`;
      const before = starts(await sonde.metrics());
      await network.server.python(FULL_QUEUE, addr, LISTEN, TOO_MANY);
      const samples = await sonde.metrics();
      assert.equal(total(samples, `${LATENCY}_count`, { addr }), 0);
      assert.equal(starts(samples), before);
    });
  });
}

export function unixSocketBacklogTests(sonde: Scraped, network: NetworkFixture, variant: 'fentry' | 'tp_btf'): void {
  describe(`unix-socket-backlog (${variant})`, () => {
    test(`has ${ROOM} connections, each with more before it, and ${TOO_MANY} that find a full queue`, async () => {
      const addr = `@sonde-full-${process.pid}-${variant}`;
      assert.equal(await network.server.python(FULL_QUEUE, addr, LISTEN, TOO_MANY), TOO_MANY, 'as the kernel says');
      const samples = await sonde.metrics();
      const upTo = (le: string): number => total(samples, `${BACKLOG}_bucket`, { addr, le });
      // tp_btf sees only those that got in.
      const refused = variant === 'fentry' ? TOO_MANY : 0;
      assert.deepEqual(['0', '1', '2', '4', '8'].map(upTo), [1, 2, 3, 5, ROOM + refused]);
      const sum = (ROOM * (ROOM - 1)) / 2 + ROOM * refused;
      assert.equal(total(samples, `${BACKLOG}_sum`, { addr }), sum);
    });

    test('has none for datagrams', async () => {
      const addr = `@sonde-datagrams-${process.pid}-${variant}`;
      await network.server.python(DATAGRAMS, addr);
      assert.equal(total(await sonde.metrics(), `${BACKLOG}_count`, { addr }), 0);
    });
  });
}

/** Connections on their way that the probe remembers. */
function starts(samples: readonly Sample[]): number {
  return total(samples, 'sonde_map_entries', { config: 'unix-accept-latency', map: 'starts' });
}
