import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition, type PartitionOptions } from '../../../../aggregator/partition.js';
import { checkRollups, type RollupSpec } from '../../../../aggregator/rollup/rollup-spec.js';
import { decodeFrame, encodeFrame } from '../../../../wire/frame.js';
import { exposedPartitions, federatedPartitions } from '../../../harness/exposed.js';
import { FrameSource } from '../../../harness/frames.js';
import { KeptSections } from '../../../harness/kept-sections.js';
import { MadeHost } from '../../../harness/made-host.js';
import { readOpenMetrics } from '../../../harness/openmetrics.js';

const MINUTE_MS = 60_000;
const BY_RACK: RollupSpec = { metric: 'made_total', by: ['rack'], name: 'rack_total' };
const SECONDS: RollupSpec = { metric: 'made_seconds', by: [], name: 'all_seconds' };

function optionsOf(...rollups: readonly RollupSpec[]): PartitionOptions {
  return {
    metricPrefix: '',
    maxSeriesPerMetric: 100,
    onProblem: () => undefined,
    hostTtlMs: 10 * MINUTE_MS,
    rollups,
  };
}

/** A partition of whose log the time is said with each frame. */
class TimedPartition extends Partition {
  #offset = 0n;

  send(timestampMs: number, host: FrameSource, ...frames: readonly Uint8Array[]): void {
    for (const value of frames) this.apply({ key: host.hostId, value, offset: this.#offset++, timestampMs });
  }
}

/** Lines of the sums, without what all of them have. */
async function sumLines(...partitions: readonly Partition[]): Promise<string[]> {
  const text = await exposedPartitions(partitions);
  readOpenMetrics(text);
  return text
    .split('\n')
    .filter((line) => /^(rack|all)_|^sonde_rollup_left_out\{/.test(line))
    .map((line) => line.replace('instance="",', ''));
}

test('what a person gets: parts by partition, with the labels that are kept', async () => {
  const partitions = [0, 1].map((number) => new TimedPartition(number, optionsOf(BY_RACK, SECONDS)));
  for (const [number, partition] of partitions.entries()) {
    for (const rack of ['r1', 'r2']) {
      const host = new MadeHost(`${number}-${rack}`, { labels: { rack, row: 'x' } });
      partition.send(
        0,
        host,
        host.manifest(),
        host.counters([
          ['a', 'b', 2n],
          ['c', 'd', 3n],
        ]),
      );
      partition.send(
        0,
        host,
        host.histogram([
          ['a', 0, 1n],
          ['a', 2, 2n],
          ['a', 4, 9n],
        ]),
      );
    }
  }
  const text = await exposedPartitions(partitions);
  assert.match(text, /^# HELP rack Sum over hosts: Made\n# TYPE rack counter\nrack_total\{/m);
  assert.deepEqual(await sumLines(...partitions), [
    'rack_total{sonde_partition="0",rack="r1"} 5',
    'rack_total{sonde_partition="0",rack="r2"} 5',
    'rack_total{sonde_partition="1",rack="r1"} 5',
    'rack_total{sonde_partition="1",rack="r2"} 5',
    ...[0, 1].flatMap((number) => {
      const labels = `sonde_partition="${number}"`;
      return [
        `all_seconds_bucket{${labels},le="1e-06"} 2`,
        `all_seconds_bucket{${labels},le="2e-06"} 2`,
        `all_seconds_bucket{${labels},le="4e-06"} 6`,
        `all_seconds_bucket{${labels},le="8e-06"} 6`,
        `all_seconds_bucket{${labels},le="+Inf"} 6`,
        `all_seconds_sum{${labels}} 1.8e-05`,
        `all_seconds_count{${labels}} 6`,
      ];
    }),
  ]);
  assert.equal(
    await federatedPartitions(partitions, ['{rack="r2",sonde_partition="1",instance=""}', 'all_seconds_count']),
    `# TYPE all_seconds_count untyped
all_seconds_count{instance="",sonde_partition="0"} 6 0
all_seconds_count{instance="",sonde_partition="1"} 6 0
# TYPE rack_total untyped
rack_total{instance="",sonde_partition="1",rack="r2"} 5 0
`,
  );
});

test('hosts whose buckets are others are left out by name, until there are no hosts with the old ones', async () => {
  const partition = new TimedPartition(0, optionsOf(SECONDS));
  const [old, other] = [new MadeHost('old'), new MadeHost('other', { lastBucket: 1 })];
  partition.send(0, old, old.manifest(), old.histogram([['a', 0, 1n]]));
  partition.send(0, other, other.manifest(), other.histogram([['a', 0, 5n]]));
  const count = 'all_seconds_count{sonde_partition="0"}';
  let lines = await sumLines(partition);
  assert.ok(lines.includes(`${count} 1`), lines.join('\n'));
  assert.ok(lines.includes('sonde_rollup_left_out{instance="other",reason="buckets",rollup="all_seconds"} 1'));

  // With the old one gone nobody has its buckets any more: the sum is the others'.
  partition.send(11 * MINUTE_MS, other, other.histogram([['a', 0, 6n]]));
  lines = await sumLines(partition);
  assert.deepEqual(lines, [
    'all_seconds_bucket{sonde_partition="0",le="1e-06"} 6',
    'all_seconds_bucket{sonde_partition="0",le="2e-06"} 6',
    'all_seconds_bucket{sonde_partition="0",le="+Inf"} 6',
    'all_seconds_sum{sonde_partition="0"} 0',
    `${count} 6`,
  ]);
});

test('a host that comes back in the session that it left in is never counted twice', async () => {
  const partition = new TimedPartition(0, optionsOf(BY_RACK));
  const [host, other] = [new MadeHost('a', { labels: { rack: 'r1' } }), new MadeHost('b', { labels: { rack: 'r2' } })];
  partition.send(0, host, host.manifest(), host.counters([['x', 'y', 100n]]));
  partition.send(11 * MINUTE_MS, other, other.manifest(), other.counters([['x', 'y', 1n]]));
  assert.equal(partition.hosts.has('a'), false);
  const r1 = async (): Promise<string | undefined> =>
    (await sumLines(partition)).find((line) => line.startsWith('rack_total') && line.includes('r1"'));
  const kept = 'rack_total{sonde_partition="0",rack="r1"}';
  assert.equal(await r1(), `${kept} 100`);

  partition.send(12 * MINUTE_MS, host, host.manifest(), host.counters([['x', 'y', 105n]]));
  assert.equal(await r1(), `${kept} 100`);
  const returned = 'sonde_rollup_left_out{instance="a",rack="r1",reason="returned",rollup="rack_total"} 1';
  assert.ok((await sumLines(partition)).includes(returned));

  // All this is state as any other.
  const sections = new KeptSections();
  await sections.keep(partition);
  const restored = await sections.restored(optionsOf(BY_RACK));
  assert.deepEqual(await sumLines(restored), await sumLines(partition));

  partition.send(15 * MINUTE_MS + 1, other, other.counters([['x', 'y', 2n]]));
  assert.equal(await r1(), `${kept} 100`);
  partition.send(16 * MINUTE_MS, host, host.counters([['x', 'y', 112n]]));
  assert.equal(await r1(), `${kept} 107`, 'from then on it counts');
  assert.ok(!(await sumLines(partition)).includes(returned));

  partition.send(30 * MINUTE_MS, other, other.counters([['x', 'y', 3n]]));
  const fresh = new MadeHost('a', { session: 2, labels: { rack: 'r1' } });
  partition.send(31 * MINUTE_MS, fresh, fresh.manifest(), fresh.counters([['x', 'y', 4n]]));
  assert.equal(await r1(), `${kept} 111`, 'a new session has counted nothing before');
});

/** The same Manifest, whose gauge adds up what records say. */
function summing(manifest: Uint8Array): Uint8Array {
  const frame = decodeFrame(manifest);
  assert.ok(frame.body.case === 'manifest');
  const config = frame.body.value.configs[0]!;
  config.yaml = Buffer.from(Buffer.from(config.yaml).toString().replace('value: level', '$&\n      aggregate: sum'));
  return encodeFrame(frame);
}

test('a gauge is the sum of the hosts that there are; of those that keep the last value there is none', async () => {
  const partition = new TimedPartition(0, optionsOf({ metric: 'record_level', by: ['port'], name: 'all_level' }));
  const [gone, host, last] = ['a', 'b', 'c'].map((id) => new FrameSource(1, id)) as [
    FrameSource,
    FrameSource,
    FrameSource,
  ];
  const records = (...levels: readonly number[]): { key: number; level: number; port: number }[] =>
    levels.map((level, i) => ({ key: 1, level, port: 80 + i }));
  partition.send(0, gone, summing(gone.manifest()), gone.records(records(-100, 1)));
  partition.send(10 * MINUTE_MS, host, summing(host.manifest()), host.records(records(7)), host.records(records(8)));
  assert.deepEqual(await sumLines(partition), [
    'all_level{sonde_partition="0",port="80"} -85',
    'all_level{sonde_partition="0",port="81"} 1',
  ]);
  partition.send(11 * MINUTE_MS, last, last.manifest(), last.records(records(9)));
  assert.deepEqual(await sumLines(partition), [
    'sonde_rollup_left_out{instance="test~c",reason="aggregate",rollup="all_level"} 1',
    'all_level{sonde_partition="0",port="80"} 15',
  ]);
});

test('a sum that the settings change begins anew, the others go on', async () => {
  const both = [BY_RACK, { ...BY_RACK, by: [], name: 'all_total' }];
  const partition = new TimedPartition(0, optionsOf(...both));
  const [gone, host] = [new MadeHost('a', { labels: { rack: 'r1' } }), new MadeHost('b', { labels: { rack: 'r1' } })];
  partition.send(0, gone, gone.manifest(), gone.counters([['x', 'y', 100n]]));
  partition.send(11 * MINUTE_MS, host, host.manifest(), host.counters([['x', 'y', 1n]]));
  const sections = new KeptSections();
  await sections.keep(partition);
  const restored = await sections.restored(optionsOf({ ...BY_RACK, by: ['rack', 'one'] }, both[1]!));
  assert.deepEqual(await sumLines(restored), [
    'rack_total{sonde_partition="0",one="x",rack="r1"} 1',
    'all_total{sonde_partition="0"} 101',
  ]);
});

test('a sum gives way to a metric of its name', async () => {
  const partition = new TimedPartition(0, optionsOf({ ...BY_RACK, name: 'made_seconds' }));
  const host = new MadeHost('a');
  partition.send(0, host, host.manifest(), host.counters([['x', 'y', 1n]]), host.histogram([['x', 0, 1n]]));
  const text = await exposedPartitions([partition]);
  assert.equal(text.match(/^# TYPE made_seconds /gm)?.length, 1);
});

test('what is wrong with rollups is listed at once', () => {
  const wrong = [
    { metric: 'a', by: ['le', 'instance', 'x', 'x'], name: 'b' },
    { metric: 'a', by: ['sonde_partition'], name: 'a' },
    { metric: 'c', by: [], name: 'b' },
  ];
  assert.throws(() => checkRollups(wrong), {
    code: 'CONFIG',
    message: `rollup b: by: le is kept by itself in a histogram: leave it out
rollup b: by: instance is the host: a sum is over hosts: leave it out
rollup b: by: a label comes twice
rollup a: by: sonde_partition is put to every sum: leave it out
rollup a: has the name of its metric: give the sum a name of its own
rollup b: another rollup has this name`,
  });
  checkRollups([BY_RACK, SECONDS]);
});
