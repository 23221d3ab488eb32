import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition } from '../../../aggregator/partition.js';
import { exposedAt } from '../../harness/exposed.js';
import { MadeHost } from '../../harness/made-host.js';

const MINUTE_MS = 60_000;
const OPTIONS = { metricPrefix: '', maxSeriesPerMetric: 100, onProblem: () => undefined, onForgotten: () => undefined };

/** A partition of whose log the time is said with each frame. */
class TimedPartition extends Partition {
  #offset = 0n;

  send(timestampMs: number, host: MadeHost, ...frames: readonly Uint8Array[]): void {
    for (const value of frames) this.apply({ key: host.hostId, value, offset: this.#offset++, timestampMs });
  }

  ids(): string[] {
    return [...this.hosts.keys()];
  }
}

function twoHosts(partition: TimedPartition): [MadeHost, MadeHost] {
  const hosts: [MadeHost, MadeHost] = [new MadeHost('a'), new MadeHost('b')];
  for (const host of hosts) partition.send(0, host, host.manifest(), host.counters([['x', 'y', 1n]]));
  return hosts;
}

test('a host that sends nothing for its time to live leaves, by the clock of the log', () => {
  const partition = new TimedPartition(0, { ...OPTIONS, hostTtlMs: 10 * MINUTE_MS });
  const [a, b] = twoHosts(partition);
  partition.send(10 * MINUTE_MS, b, b.counters([['x', 'y', 2n]]));
  assert.deepEqual(partition.ids(), ['a', 'b'], 'the time is not over');
  partition.send(11 * MINUTE_MS - 1, b, b.counters([['x', 'y', 3n]]));
  assert.deepEqual(partition.ids(), ['a', 'b'], 'it is looked at once a minute');
  partition.send(11 * MINUTE_MS, b, b.counters([['x', 'y', 4n]]));
  assert.deepEqual(partition.ids(), ['b']);
  partition.send(12 * MINUTE_MS, a, a.manifest(), a.counters([['x', 'y', 5n]]));
  assert.deepEqual(partition.ids(), ['b', 'a'], 'it may come back');
});

test('a host that breaks a silence, however long, is still there', () => {
  const partition = new TimedPartition(0, { ...OPTIONS, hostTtlMs: 10 * MINUTE_MS });
  const [a] = twoHosts(partition);
  const before = partition.hosts.get('a');
  partition.send(100 * MINUTE_MS, a, a.counters([['x', 'y', 2n]]));
  assert.deepEqual(partition.ids(), ['a']);
  assert.equal(partition.hosts.get('a'), before);
});

test('what is stored follows a host that leaves and comes back between two writes', async () => {
  const partition = new TimedPartition(0, { ...OPTIONS, hostTtlMs: 10 * MINUTE_MS });
  const [a, b] = twoHosts(partition);
  const sections = new Map<string, Uint8Array>();
  const keep = async (meanwhile?: () => void): Promise<void> => {
    const { put, remove } = await partition.change();
    for (const [name, bytes] of put) sections.set(name, Uint8Array.from(bytes));
    for (const name of remove) sections.delete(name);
    meanwhile?.();
    partition.stored();
  };
  await keep(() => {
    partition.send(20 * MINUTE_MS, b, b.counters([['x', 'y', 2n]]));
    // As many frames as the host that left had sent.
    const again = new MadeHost('a', { session: 2 });
    partition.send(20 * MINUTE_MS, again, again.manifest(), again.counters([['x', 'y', 7n]]));
  });
  assert.deepEqual(partition.ids(), ['b', 'a']);
  await keep();
  const restored = new TimedPartition(0, OPTIONS);
  await restored.restore({ offset: partition.next!, sections });
  const textOf = (one: Partition): Promise<string> =>
    exposedAt(
      [...one.hosts.values()].sort((x, y) => (x.id < y.id ? -1 : 1)),
      0,
    );
  assert.equal(await textOf(restored), await textOf(partition));
  assert.match(await textOf(restored), /made_total\{instance="a",one="x",two="y"\} 7/);

  // The state knows when the log was looked at last.
  for (const one of [partition, restored]) one.send(30 * MINUTE_MS + 1, b, b.counters([['x', 'y', 3n]]));
  assert.deepEqual(restored.ids().sort(), ['a', 'b']);
  partition.send(40 * MINUTE_MS, a, new MadeHost('a', { session: 3 }).manifest());
  partition.send(70 * MINUTE_MS, a, new MadeHost('a', { session: 4 }).manifest());
  await keep();
  assert.ok(![...sections.keys()].some((name) => name.startsWith('b/')), 'of a host that has left nothing is kept');
});

test('the series of a silent host are not shown, its last frame is, and its name stays', async () => {
  const partition = new TimedPartition(0, OPTIONS);
  const [silent, other] = [
    new MadeHost('a', { hostname: 'twin', labels: { rack: 'r1' } }),
    new MadeHost('b', { hostname: 'twin' }),
  ];
  partition.send(1000, silent, silent.manifest(), silent.counters([['x', 'y', 1n]]));
  partition.send(301_500, other, other.manifest(), other.counters([['x', 'y', 2n]]));
  const lines = async (nowMs: number): Promise<string[]> =>
    (await exposedAt(partition.hosts.values(), nowMs, { silentAfterMs: 300_000 }))
      .split('\n')
      .filter((line) => /^(made_total|sonde_host_(info|last))/.test(line));
  const twin = 'made_total{instance="twin~b",one="x",two="y"} 2';
  const infos = [
    'sonde_host_info{arch="x86_64",collector_version="",host_id="a",hostname="twin",instance="twin",kernel_release="6",rack="r1"} 1',
    'sonde_host_info{arch="x86_64",collector_version="",host_id="b",hostname="twin",instance="twin~b",kernel_release="6"} 1',
  ];
  const times = [
    'sonde_host_last_frame_timestamp_seconds{instance="twin",rack="r1"} 1',
    'sonde_host_last_frame_timestamp_seconds{instance="twin~b"} 301.5',
  ];
  assert.deepEqual(await lines(301_000), [
    ...infos,
    ...times,
    'made_total{instance="twin",rack="r1",one="x",two="y"} 1',
    twin,
  ]);
  assert.deepEqual(await lines(301_001), [infos[1], ...times, twin]);
  partition.send(302_000, silent, silent.counters([['x', 'y', 5n]]));
  assert.ok((await lines(302_000)).includes('made_total{instance="twin",rack="r1",one="x",two="y"} 5'), 'back again');
});

test('where hosts have another label than instance, the scraper is kept from putting its own', async () => {
  const partition = new TimedPartition(0, OPTIONS);
  const host = new MadeHost('a');
  partition.send(0, host, host.manifest(), host.counters([['x', 'y', 1n]]));
  const text = await exposedAt(partition.hosts.values(), 0, { instanceLabel: 'node' });
  assert.match(text, /^made_total\{instance="",node="a",one="x",two="y"\} 1$/m);
});
