import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../../../bin/ledger/ledger.js';
import { reportLedger, type LedgerReport } from '../../../../bin/ledger/ledger-table.js';
import { parseSample } from '../../../../bin/ledger/samples.js';

function ledger(text: string): Ledger {
  const result = new Ledger('instance');
  for (const line of text.trim().split('\n')) result.add(parseSample(line)!);
  return result;
}

function report(text: string, maps = false): LedgerReport {
  return reportLedger(ledger(text).rows(), maps);
}

const RING = 'instance="db-1",hop="kernel",config="c",map="ring"';
const ADDS_UP = `
sonde_ledger_in_total{${RING}} 18446744073709551615
sonde_ledger_out_total{${RING}} 18446744073709551600
sonde_ledger_waiting{${RING}} 4
sonde_lost_total{${RING},reason="ring_full"} 11
sonde_ledger_in_total{instance="db-1",hop="series"} 5
sonde_ledger_out_total{instance="db-1",hop="series"} 5
sonde_lost_total{instance="db-1",hop="kernel",config="c",map="hash",reason="map_full"} 3
sonde_lost_total{instance="db-1",hop="kernel",config="c",map="other",reason="map_full"} 0
sonde_ledger_in_total{instance="a",hop="bus"} 1
sonde_ledger_out_total{instance="a",hop="bus"} 1
`;

test('a ledger that adds up, exactly, in the way of the data', () => {
  const { text, addsUp } = report(ADDS_UP);
  assert.ok(addsUp);
  assert.equal(
    text,
    `host  hop     in                    out                   waiting  lost          adds up
a     bus     1                     1                     0        –             yes
db-1  kernel  –                     –                     –        map_full 3    –
db-1  kernel  18446744073709551615  18446744073709551600  4        ring_full 11  yes
db-1  series  5                     5                     0        –             yes

in = out + lost + waiting: everywhere (3 of 3)
`,
  );
});

test('hops come as the data goes, in whichever order they are scraped; one of another version is last', () => {
  const hops = ['kernel', 'collector', 'spool', 'bus', 'decode', 'series', 'later'];
  const lines = [...hops]
    .sort()
    .map((hop, i) => `sonde_ledger_in_total{instance="h",hop="${hop}",config="c${9 - i}"} 0`);
  for (const maps of [false, true]) {
    const shown = report(lines.join('\n'), maps).text.matchAll(/^h +(\w+) /gm);
    assert.deepEqual(
      [...shown].map(([, hop]) => hop),
      hops,
    );
  }
});

test('rows are summed by hop, unless each map is asked for; one that is wrong is named in both', () => {
  const rows = `
sonde_ledger_in_total{instance="h",hop="decode",config="c",map="one"} 10
sonde_ledger_out_total{instance="h",hop="decode",config="c",map="one"} 8
sonde_ledger_in_total{instance="h",hop="decode",config="c",map="two"} 10
sonde_ledger_out_total{instance="h",hop="decode",config="c",map="two"} 12
`;
  const summed = report(rows);
  assert.equal(summed.addsUp, false);
  assert.match(summed.text, /^h +decode +20 +20 +0 +– +NO$/m);
  assert.match(summed.text, /not in 2 of 2: h decode c one: 2 unaccounted for; h decode c two: 2 more than came/);
  assert.match(report(rows, true).text, /^h +decode +c +one +10 +8 +0 +– +NO$/m);
});

test('what has come further counts when two aggregators know one host', () => {
  const all = ledger(
    'sonde_ledger_in_total{instance="h",hop="bus"} 7\nsonde_ledger_out_total{instance="h",hop="bus"} 7',
  );
  all.merge(
    ledger('sonde_ledger_in_total{instance="h",hop="bus"} 5\nsonde_ledger_out_total{instance="h",hop="bus"} 5'),
  );
  all.merge(
    ledger('sonde_ledger_in_total{instance="i",hop="bus"} 1\nsonde_ledger_out_total{instance="i",hop="bus"} 1'),
  );
  assert.deepEqual(
    all.rows().map((row) => [row.host, row.in]),
    [
      ['h', 7n],
      ['i', 1n],
    ],
  );
});

test('each aggregator has a row for its points for InfluxDB; one that loses some is wrong', () => {
  const all = new Ledger('instance');
  for (const [aggregator, written] of [
    ['one:9435', 70],
    ['two:9435', 60],
  ] as const) {
    const ledger = new Ledger('instance', aggregator);
    const text = `sonde_influx_points_total 100
sonde_influx_points_written_total ${written}
sonde_influx_points_waiting 20
sonde_influx_points_dead_total{reason="422"} 8
sonde_influx_points_dead_total{reason="queue_full"} 1
sonde_influx_points_lost_total{reason="queue_full"} 1`;
    for (const line of text.split('\n')) ledger.add(parseSample(line)!);
    all.merge(ledger);
  }
  const { text, addsUp } = reportLedger(all.rows(), false);
  assert.equal(addsUp, false);
  assert.match(
    text,
    /^one:9435 +influx +100 +70 +20 +dead letter 422 8, dead letter queue_full 1, queue_full 1 +yes$/m,
  );
  assert.match(text, /^two:9435 +influx +100 +60 .* NO$/m);
  assert.match(text, /not in 1 of 2: two:9435 influx: 10 unaccounted for/);
});

test('hosts without buffers have no hops, only losses', () => {
  const { text, addsUp } = report(
    'sonde_lost_total{instance="h",hop="kernel",config="c",map="m",reason="map_full"} 3\nsonde_lost_total{instance="i",hop="kernel",config="c",map="m",reason="map_full"} 0',
  );
  assert.ok(addsUp);
  assert.match(
    text,
    /^h +kernel +– +– +– +map_full 3 +–\n\nno records: none of the probes there has a ring or perf buffer$/m,
  );
  const nothing = report('sonde_lost_total{instance="i",hop="kernel",config="c",map="m",reason="map_full"} 0');
  assert.equal(
    nothing.text,
    'no records: none of the probes there has a ring or perf buffer\n',
    'no head over nothing',
  );
});

for (const [line, value] of [
  ['a 5', 5n],
  ['a{} 5', 5n],
  ['a{x="1"} 5 1700000000000', 5n],
  ['a{x="}\\" \\\\ \\n,",y="é"} 5', 5n],
  ['a{x="1",} 5', 5n],
  ['a 5.5', undefined],
  ['a{x="1" 5', undefined],
  ['a{x="1"} -5', undefined],
  ['# HELP a', undefined],
  ['', undefined],
] as const) {
  test(`the line ${JSON.stringify(line)} says ${value}`, () => assert.equal(parseSample(line)?.value, value));
}

test('labels are read with their escapes', () => {
  assert.deepEqual(
    [...parseSample('a{x="}\\" \\\\ \\n,",y="é"} 5')!.labels],
    [
      ['x', '}" \\ \n,'],
      ['y', 'é'],
    ],
  );
});
