import assert from 'node:assert/strict';
import test from 'node:test';
import { Counter, Histogram, Registry } from 'prom-client';
import type { Host } from '../../../../../aggregator/host.js';
import { Partition } from '../../../../../aggregator/partition.js';
import { exposed, federated } from '../../../../harness/exposed.js';
import { readFederated, type FederatedSample } from '../../../../harness/federated-text.js';
import { FrameSource } from '../../../../harness/frames.js';
import { MadeHost } from '../../../../harness/made-host.js';
import { readOpenMetrics } from '../../../../harness/openmetrics.js';
import { randomInteger, seededRandom } from '../../../../../lib/random.js';

const OPTIONS = { metricPrefix: '', maxSeriesPerMetric: 10_000, onProblem: () => undefined };
/** Label values with everything that an exposition escapes, and that a regular expression could take for something else. */
const VALUES = ['', 'a', 'b', 'ab', 'a.b', 'a|b', 'x"y', 'x\\y', 'x\ny', 'é', '😀', '{a="b"}', 'one="a",', 'other'];

/** A partition to which frames are sent. */
function fleet(): { hosts: () => Iterable<Host>; send: (source: MadeHost, ...frames: Uint8Array[]) => void } {
  const partition = new Partition(0, OPTIONS);
  let offset = 0n;
  return {
    hosts: () => partition.hosts.values(),
    send: (source, ...frames) => {
      for (const value of frames) partition.apply({ key: source.hostId, value, offset: offset++, timestampMs: 0 });
    },
  };
}

test('the samples of the selectors, with the time of their host, by name', async () => {
  const { hosts, send } = fleet();
  const [a, b] = [
    new MadeHost('a', { labels: { rack: 'r1' }, realtimeNs: 5_000_999_999n }),
    new MadeHost('b', { realtimeNs: 6_000_000_000n }),
  ];
  send(a, a.manifest(), a.counters([['x', 'y', 2n ** 64n - 1n]]));
  send(
    a,
    a.histogram([
      ['x', 0, 1n],
      ['x', 2, 2n],
      ['x', 4, 9n],
    ]),
  );
  send(b, b.manifest(), b.counters([['x', 'z', 3n]]));
  assert.equal(
    await federated(hosts(), ['made_total', '{__name__=~"made_seconds_.*",rack="r1"}', 'made_total{one="x"}']),
    `# TYPE made_seconds_bucket untyped
made_seconds_bucket{instance="a",rack="r1",one="x",le="1e-06"} 1 5000
made_seconds_bucket{instance="a",rack="r1",one="x",le="2e-06"} 1 5000
made_seconds_bucket{instance="a",rack="r1",one="x",le="4e-06"} 3 5000
made_seconds_bucket{instance="a",rack="r1",one="x",le="8e-06"} 3 5000
made_seconds_bucket{instance="a",rack="r1",one="x",le="+Inf"} 3 5000
# TYPE made_seconds_count untyped
made_seconds_count{instance="a",rack="r1",one="x"} 3 5000
# TYPE made_seconds_sum untyped
made_seconds_sum{instance="a",rack="r1",one="x"} 9e-06 5000
# TYPE made_total untyped
made_total{instance="a",rack="r1",one="x",two="y"} 18446744073709551615 5000
made_total{instance="b",one="x",two="z"} 3 6000
`,
  );
  assert.equal(
    await federated(hosts(), ['made_seconds_bucket{le=~"2.*|\\\\+Inf"}']),
    `# TYPE made_seconds_bucket untyped
made_seconds_bucket{instance="a",rack="r1",one="x",le="2e-06"} 1 5000
made_seconds_bucket{instance="a",rack="r1",one="x",le="+Inf"} 3 5000
`,
  );
  assert.equal(await federated(hosts(), []), '', 'without a selector nothing');
  assert.equal(await federated(hosts(), ['made_seconds']), '', 'no series has the name of the family');
});

test('a host whose newest frame is older than the lookback is left out', async () => {
  const { hosts, send } = fleet();
  const [old, fresh] = [
    new MadeHost('old', { realtimeNs: 99_999_000_000n }),
    new MadeHost('fresh', { realtimeNs: 100_000_000_000n }),
  ];
  send(old, old.manifest(), old.counters([['x', 'y', 1n]]));
  send(fresh, fresh.manifest(), fresh.counters([['x', 'y', 1n]]));
  const options = { nowMs: 400_000, lookbackMs: 300_000 };
  assert.deepEqual(
    readFederated(await federated(hosts(), ['made_total'], options)).map(({ labels }) => labels['instance']),
    ['fresh'],
  );
});

test('gauges are federated as they are, below nothing too', async () => {
  const partition = new Partition(0, OPTIONS);
  const source = new FrameSource(1);
  for (const value of [source.manifest(), source.records([{ key: 1, level: -5, port: 443 }])])
    partition.apply({ key: 'host', value, offset: 0n, timestampMs: 0 });
  assert.equal(
    await federated(partition.hosts.values(), ['record_level']),
    '# TYPE record_level untyped\nrecord_level{instance="test",port="443"} -5 0\n',
  );
});

test("what is built in and Sonde's own can be asked for, with the time of the request", async () => {
  const { hosts, send } = fleet();
  const host = new MadeHost('a');
  send(host, host.manifest());
  const registry = new Registry();
  new Counter({ name: 'sonde_x_total', help: 'x', labelNames: ['kind'], registers: [registry] }).inc({ kind: 'k"' }, 2);
  new Histogram({ name: 'sonde_y_seconds', help: 'y', buckets: [0.5], registers: [registry] }).observe(0.25);
  const selectors = [
    '{__name__=~"sonde_[xy].*",le!="0.5"}',
    'enabled_configs{name="made"}',
    'sonde_x_total{kind="no"}',
  ];
  assert.equal(
    await federated(hosts(), selectors, { registry, nowMs: 7000 }),
    `# TYPE enabled_configs untyped
enabled_configs{instance="a",name="made"} 1 7000
# TYPE sonde_x_total untyped
sonde_x_total{kind="k\\""} 2 7000
# TYPE sonde_y_seconds_bucket untyped
sonde_y_seconds_bucket{le="+Inf"} 1 7000
# TYPE sonde_y_seconds_count untyped
sonde_y_seconds_count 1 7000
# TYPE sonde_y_seconds_sum untyped
sonde_y_seconds_sum 0.25 7000
`,
  );
});

test('random selectors find what a naive matcher finds (seeds)', async () => {
  let found = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed);
    const { hosts, send } = fleet();
    for (const id of ['a', 'b', 'x"y'])
      sendRandom(
        new MadeHost(id, { labels: random() < 0.5 ? { rack: pick(random, VALUES), two: 'host' } : {} }),
        random,
        send,
      );
    const all = samplesOf(await exposed(hosts()));
    for (let i = 0; i < 30; i++) {
      const selectors = Array.from({ length: 1 + randomInteger(random, 3) }, () => randomSelector(random));
      const expected = all.filter((sample) => selectors.some((selector) => naive(selector, sample)));
      const texts = selectors.map(selectorText);
      const actual = readFederated(await federated(hosts(), texts));
      assert.deepEqual(actual.map(keyOf).sort(), expected.map(keyOf).sort(), `seed ${seed}: ${texts.join(' and ')}`);
      found += actual.length;
    }
  }
  assert.ok(found > 5000, `${found} samples were asked for`);
});

type Condition = readonly [label: string, operator: '=' | '!=' | '=~' | '!~', value: string];

function sendRandom(
  host: MadeHost,
  random: () => number,
  send: (source: MadeHost, ...frames: Uint8Array[]) => void,
): void {
  const rows = Array.from({ length: 20 }, () => [pick(random, VALUES), pick(random, VALUES)] as const);
  const unique = [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
  const buckets = Array.from({ length: 20 }, (_, i) => [pick(random, VALUES), i % 6, BigInt(i)] as const);
  send(
    host,
    host.manifest(),
    host.counters(unique.map(([one, two], i) => [one, two, BigInt(i)])),
    host.histogram(buckets),
  );
}

function randomSelector(random: () => number): Condition[] {
  const name: Condition = pick(random, [
    ['__name__', '=', 'made_total'],
    ['__name__', '=~', 'made_.*'],
    ['__name__', '=~', '.+'],
    ['__name__', '=', 'made_seconds_bucket'],
    ['__name__', '=~', '.+_(count|sum|total)'],
  ]);
  const labels = ['__name__', 'one', 'two', 'rack', 'instance', 'le', 'none'];
  const others = Array.from({ length: randomInteger(random, 4) }, (): Condition => {
    const value = pick(random, ['made_total', '1e-06', '+Inf', '4e-06', ...VALUES]);
    const operator = pick(random, ['=', '!=', '=~', '!~'] as const);
    const expression = pick(random, [
      '.*',
      '.+',
      'a|b',
      'x.y',
      '[ab]+',
      value.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      '[^a]*',
      '',
    ]);
    return [pick(random, labels), operator, operator.endsWith('~') ? expression : value];
  });
  return [name, ...others];
}

function naive(selector: readonly Condition[], { name, labels }: FederatedSample): boolean {
  return selector.every(([label, operator, expected]) => {
    const value = label === '__name__' ? name : (labels[label] ?? '');
    const isOne = operator.endsWith('~') ? new RegExp(`^(?:${expected})$`, 'su').test(value) : value === expected;
    return isOne !== operator.startsWith('!');
  });
}

function selectorText(selector: readonly Condition[]): string {
  return `{${selector.map(([label, operator, value]) => `${label}${operator}${JSON.stringify(value)}`).join(',')}}`;
}

/** What is exposed, read as if it had been federated. */
function samplesOf(text: string): FederatedSample[] {
  return [...readOpenMetrics(text).values()]
    .flatMap(({ samples }) => [...samples])
    .flatMap(([key, value]) => readFederated(`# TYPE ${/^[^{]*/.exec(key)![0]} untyped\n${key} ${value} 0\n`));
}

function keyOf({ name, labels, value }: FederatedSample): string {
  return JSON.stringify([name, Object.entries(labels).sort(), value]);
}

function pick<T>(random: () => number, values: readonly T[]): T {
  return values[randomInteger(random, values.length)]!;
}
