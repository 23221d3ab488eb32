import assert from 'node:assert/strict';
import test from 'node:test';
import type { Host } from '../../../../../aggregator/host.js';
import { HostPoints, type HostPointsOptions } from '../../../../../aggregator/output/influx/host-points.js';
import type { RefusedPoint } from '../../../../../aggregator/output/influx/point-buffer.js';
import { bucketsOf } from '../../../../../aggregator/series/buckets.js';
import { putDouble } from '../../../../../aggregator/series/double.js';
import { addFamily, addTo, influxHost, seriesOf, TIME_NS, writeHost } from '../../../../harness/influx-host.js';

const OPTIONS: HostPointsOptions = { hostTag: 'instance', fields: [], heartbeatMs: 0 };
const HOST = 'host_id=h1,instance=h1';

interface Written {
  readonly lines: string[];
  readonly batches: number;
  readonly refused: RefusedPoint[];
}

function write(host: Host, points = new HostPoints(OPTIONS)): Written {
  const texts: string[] = [];
  const refused = writeHost(host, points, ({ lines }) => texts.push(lines.toString()));
  return { lines: texts.join('').split('\n').slice(0, -1), batches: texts.length, refused };
}

test('a counter is an exact integer, with tags of the host and of the series', () => {
  const host = influxHost();
  const family = addFamily(host, { name: 'a_total', labels: ['device', 'cpu'] });
  addTo(family, seriesOf(family, '0', 'sda'), 2n ** 63n - 1n);
  addTo(family, seriesOf(family, '1', 'sdb'), 0n);
  assert.deepEqual(write(host).lines, [
    `a_total,${HOST},cpu=0,device=sda value=9223372036854775807i ${TIME_NS}`,
    `a_total,${HOST},cpu=1,device=sdb value=0i ${TIME_NS}`,
  ]);
});

test('what InfluxDB 1 has no number for is refused, with its reason; the others are written', () => {
  const host = influxHost();
  const family = addFamily(host, { name: 'a_total', labels: ['x'] });
  addTo(family, seriesOf(family, 'large'), 2n ** 63n);
  addTo(family, seriesOf(family, 'small'), 5n);
  const gauge = addFamily(host, { name: 'g', type: 'gauge', numbers: 'f64' });
  putDouble(gauge.cells.words, seriesOf(gauge) * 2, NaN);
  const { lines, refused } = write(host);
  assert.deepEqual(lines, [`a_total,${HOST},x=small value=5i ${TIME_NS}`]);
  assert.deepEqual(
    refused.map(({ line, reason }) => [reason, line.toString()]),
    [
      ['beyond_int64', `a_total,${HOST},x=large value=9223372036854775808i ${TIME_NS}`],
      ['not_finite', `g,${HOST} value=NaN ${TIME_NS}`],
    ],
  );
});

test('a gauge is an integer or a float by its definition, whatever its value', () => {
  const host = influxHost();
  const whole = addFamily(host, { name: 'whole', type: 'gauge', numbers: 'i64' });
  addTo(whole, seriesOf(whole), 2n ** 64n - 5n);
  const float = addFamily(host, { name: 'float', type: 'gauge', numbers: 'f64' });
  putDouble(float.cells.words, seriesOf(float) * 2, 3);
  assert.deepEqual(write(host).lines, [`whole,${HOST} value=-5i ${TIME_NS}`, `float,${HOST} value=3 ${TIME_NS}`]);
});

test('a histogram is one point: cumulative buckets, count and sum; the sum is a float where it is scaled', () => {
  const spec = { bucketType: 'exp2', bucketMin: 0, bucketMax: 2, bucketKeys: [] } as const;
  const host = influxHost();
  for (const [name, bucketMultiplier] of [
    ['plain', 1],
    ['scaled', 0.5],
  ] as const) {
    const family = addFamily(host, { name, type: 'histogram', buckets: bucketsOf({ ...spec, bucketMultiplier }) });
    const series = seriesOf(family);
    [2n, 3n, 0n, 1n, 10n].forEach((value, cell) => addTo(family, series, value, cell));
  }
  assert.deepEqual(write(host).lines, [
    `plain,${HOST} le_1=2i,le_2=5i,le_4=5i,count=6i,sum=10i ${TIME_NS}`,
    `scaled,${HOST} le_0.5=2i,le_1=5i,le_2=5i,count=6i,sum=5 ${TIME_NS}`,
  ]);
});

test('values are escaped so that the server stores distinct text for distinct labels', () => {
  const table: [value: string | Uint8Array, tag: string][] = [
    ['a b', ',x=a\\ b'],
    ['a,b=c', ',x=a\\,b\\=c'],
    ['"q"', ',x="q"'],
    ['a\nb', ',x=a\\nb'],
    ['a\\nb', ',x=a\\\\nb'],
    ['a\\,', ',x=a\\\\\\,'],
    ['end\\', ',x=end\\x5c'],
    ['end\\\\', ',x=end\\\\\\x5c'],
    ['', ''],
    ['🐧', ',x=🐧'],
    [Uint8Array.of(0x61, 0xff), ',x=a\ufffdff'],
  ];
  for (const [value, tag] of table) {
    const host = influxHost();
    const family = addFamily(host, { name: 'm', labels: ['x'] });
    seriesOf(family, value);
    assert.deepEqual(write(host).lines, [`m,${HOST}${tag} value=0i ${TIME_NS}`]);
  }
});

test('names that are taken have an underscore behind them', () => {
  const host = influxHost();
  const family = addFamily(host, { name: 'm', labels: ['time', 'value', 'value_', 'host_id', 'le_1'] });
  seriesOf(family, 'h', 'l', 't', 'v', 'w');
  const tags = 'host_id_=h,le_1_=l,time_=t,value__=v,value_=w';
  assert.deepEqual(write(host).lines, [`m,${HOST},${tags} value=0i ${TIME_NS}`]);
});

test('a label that is a field has its hash as a tag, so that two series never overwrite each other', () => {
  const host = influxHost();
  const family = addFamily(host, { name: 'm', labels: ['comm', 'kstack'] });
  seriesOf(family, 'a', 'x "y"\\\nz');
  seriesOf(family, 'a', '');
  const points = new HostPoints({ ...OPTIONS, fields: [{ metric: 'm*', labels: ['kstack'] }] });
  const lines = write(host, points).lines;
  const hashes = lines.map((line) => /kstack_hash=([0-9a-f]{16}) /.exec(line)![1]!);
  assert.notEqual(hashes[0], hashes[1]);
  assert.deepEqual(lines, [
    `m,${HOST},comm=a,kstack_hash=${hashes[0]} kstack="x \\"y\\"\\\\\\\\\\\\nz",value=0i ${TIME_NS}`,
    `m,${HOST},comm=a,kstack_hash=${hashes[1]} kstack="",value=0i ${TIME_NS}`,
  ]);
});

test('many series go into several batches, each once; those that come later have heads, too', () => {
  const host = influxHost();
  const family = addFamily(host, { name: 'm', labels: ['x'] });
  for (let i = 0; i < 12_000; i++) seriesOf(family, String(i));
  const points = new HostPoints(OPTIONS);
  const { lines, batches } = write(host, points);
  assert.equal(batches, 3);
  assert.equal(new Set(lines).size, 12_000);
  seriesOf(family, 'new');
  assert.equal(write(host, points).lines.at(-1), `m,${HOST},x=new value=0i ${TIME_NS}`);
});

test('with a heartbeat a series that has not changed is written only then', () => {
  const host = influxHost();
  const family = addFamily(host, { name: 'm', labels: ['x'] });
  const [one, other] = [seriesOf(family, '1'), seriesOf(family, '2')];
  const points = new HostPoints({ ...OPTIONS, heartbeatMs: 60_000 });
  const written = (): string[] => write(host, points).lines.map((line) => /x=(\d)/.exec(line)![1]!);
  assert.deepEqual(written(), ['1', '2']);
  assert.deepEqual(written(), []);
  host.timeNs += 59_999_000_000n;
  addTo(family, other, 1n);
  assert.deepEqual(written(), ['2']);
  host.timeNs += 1_000_000n;
  addTo(family, one, 0n);
  assert.deepEqual(written(), ['1']);
});
