import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familyHead, FamilyWriter, type Format } from '../../../../aggregator/output/prometheus/family-writer.js';
import { writeSmallFamily } from '../../../../aggregator/output/prometheus/small-family.js';
import { bucketsOf } from '../../../../aggregator/series/buckets.js';
import { Family } from '../../../../aggregator/series/family.js';
import type { HistogramConfig } from '../../../../wire/config/schema.js';

function written(family: Family, format: Format = 'text', hostLabels = ''): string {
  const { name, help, type } = family.definition;
  const writer = new FamilyWriter(family, Buffer.from(hostLabels));
  let text = familyHead(name, help, type, format);
  for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) text += chunk.toString();
  return text;
}

function histogram(config: Partial<HistogramConfig>): Family {
  const buckets = bucketsOf({ bucketMultiplier: 1, bucketKeys: [], ...config } as HistogramConfig);
  return new Family({ name: 'h', help: 'a "help"', type: 'histogram', labels: ['op'], buckets }, { cap: 100 });
}

/** Adds `count` to the bucket with this index in the kernel's map. */
function add(family: Family, labels: string, index: bigint, count: number): void {
  const text = Buffer.from(labels);
  const cell = family.series(text, text.length) * family.stride + family.definition.buckets!.cellOf(index);
  family.cells.addDifference(cell, count, 0, 0, 0);
}

test('counters in both formats', () => {
  const family = new Family(
    { name: 'packets_total', help: 'line\none "two" \\', type: 'counter', labels: ['a'] },
    { cap: 100 },
  );
  const text = Buffer.from('a="x"');
  family.cells.addDifference(family.series(text, text.length), 1, 2 ** 21, 0, 0);
  assert.equal(
    written(family),
    '# HELP packets_total line\\none "two" \\\\\n# TYPE packets_total counter\npackets_total{a="x"} 9007199254740993\n',
  );
  assert.equal(
    written(family, 'openmetrics'),
    '# HELP packets line\\none \\"two\\" \\\\\n# TYPE packets counter\npackets_total{a="x"} 9007199254740993\n',
  );
});

test('a counter whose name lacks _total keeps it, and is unknown in OpenMetrics', () => {
  const family = new Family({ name: 'pages', help: 'h', type: 'counter', labels: [] }, { cap: 100 });
  family.series(Buffer.alloc(0), 0);
  assert.equal(written(family), '# HELP pages h\n# TYPE pages counter\npages 0\n');
  assert.equal(written(family, 'openmetrics'), '# HELP pages h\n# TYPE pages unknown\npages 0\n');
});

test('an exp2 histogram: cumulative, missing buckets 0, sum times the multiplier', () => {
  const family = histogram({ bucketType: 'exp2', bucketMin: 0, bucketMax: 3, bucketMultiplier: 1e-6 });
  add(family, 'op="read"', 1n, 3);
  add(family, 'op="read"', 3n, 2);
  add(family, 'op="read"', 4n, 1500);
  assert.equal(
    written(family),
    `# HELP h a "help"
# TYPE h histogram
h_bucket{op="read",le="1e-06"} 0
h_bucket{op="read",le="2e-06"} 3
h_bucket{op="read",le="4e-06"} 3
h_bucket{op="read",le="8e-06"} 5
h_bucket{op="read",le="+Inf"} 5
h_sum{op="read"} 0.0015
h_count{op="read"} 5
`,
  );
});

test('bounds of the other kinds', () => {
  const bounds = (config: Partial<HistogramConfig>): readonly string[] => histogram(config).definition.buckets!.bounds;
  assert.deepEqual(bounds({ bucketType: 'exp2zero', bucketMin: 0, bucketMax: 4 }), ['0', '1', '2', '4', '8']);
  assert.deepEqual(bounds({ bucketType: 'linear', bucketMin: 0, bucketMax: 3, bucketMultiplier: 50 }), [
    '0',
    '50',
    '100',
    '150',
  ]);
  assert.deepEqual(bounds({ bucketType: 'fixed', bucketKeys: [1, 10, 250], bucketMultiplier: 0.1 }), [
    '0.1',
    '1',
    '25',
  ]);
  assert.equal(
    histogram({
      bucketType: 'exp2',
      bucketMin: 0,
      bucketMax: 27,
      bucketMultiplier: 1e-6,
    }).definition.buckets!.bounds.at(-1),
    '134.217728',
  );
});

test('the sum of a fixed histogram is the row behind its last key; other rows are none of its', () => {
  const { buckets } = histogram({ bucketType: 'fixed', bucketKeys: [1, 10, 250] }).definition;
  assert.equal(buckets!.cellOf(251n), 4, 'behind the cell of +Inf alone');
  assert.equal(buckets!.cellOf(250n), 2);
  assert.equal(buckets!.cellOf(9n), -1);
  assert.equal(buckets!.cellOf(2n ** 64n - 1n), -1);
});

test('series in many chunks are all there, none cut', () => {
  const family = new Family({ name: 'many_total', help: 'h', type: 'counter', labels: ['a'] }, { cap: 100_000 });
  for (let i = 0; i < 50_000; i++) {
    const text = Buffer.from(`a="${'long'.repeat(i % 60)}${i}"`);
    family.cells.addDifference(family.series(text, text.length), i, 0, 0, 0);
  }
  const lines = written(family).trimEnd().split('\n').slice(2);
  assert.equal(lines.length, 50_000);
  lines.forEach((line, i) => assert.equal(line, `many_total{a="${'long'.repeat(i % 60)}${i}"} ${i}`));
});

test('beyond the limit one series takes the rest, and the total stays right', () => {
  const family = new Family({ name: 'm_total', help: 'h', type: 'counter', labels: ['b', 'a'] }, { cap: 2 });
  for (const [value, count] of [
    ['x', 1],
    ['y', 2],
    ['z', 4],
    ['w', 8],
  ] as const) {
    const text = Buffer.from(`a="${value}",b=""`);
    const series = family.series(text, text.length);
    family.cells.addDifference(series, count, 0, 0, 0);
  }
  assert.deepEqual(written(family).trimEnd().split('\n').slice(2), [
    'm_total{a="x",b=""} 1',
    'm_total{a="y",b=""} 2',
    'm_total{a="other",b="other"} 12',
  ]);
  assert.equal(family.overflowed, 2);
  assert.equal(family.overflowLabel, 'a');
});

test('labels of the host go before those of the series, also where a series has none', () => {
  const host = 'instance="a–b",rack="r7"';
  const labelled = new Family({ name: 'l_total', help: 'h', type: 'counter', labels: ['a'] }, { cap: 100 });
  const text = Buffer.from('a="x"');
  labelled.series(text, text.length);
  labelled.series(Buffer.from('a="y"'), text.length);
  const bare = new Family({ name: 'b_total', help: 'h', type: 'counter', labels: [] }, { cap: 100 });
  bare.series(Buffer.alloc(0), 0);
  const lines = (family: Family, labels: string): string[] =>
    written(family, 'text', labels).trimEnd().split('\n').slice(2);
  assert.deepEqual(lines(labelled, host), [`l_total{${host},a="x"} 0`, `l_total{${host},a="y"} 0`]);
  assert.deepEqual(lines(bare, host), [`b_total{${host}} 0`]);
  assert.deepEqual(lines(bare, ''), ['b_total 0']);
  const buckets = bucketsOf({
    bucketType: 'exp2',
    bucketMin: 0,
    bucketMax: 1,
    bucketKeys: [],
    bucketMultiplier: 1,
  });
  const histogram = new Family({ name: 'h', help: 'h', type: 'histogram', labels: [], buckets }, { cap: 100 });
  histogram.series(Buffer.alloc(0), 0);
  assert.deepEqual(lines(histogram, host), [
    `h_bucket{${host},le="1"} 0`,
    `h_bucket{${host},le="2"} 0`,
    `h_bucket{${host},le="+Inf"} 0`,
    `h_sum{${host}} 0`,
    `h_count{${host}} 0`,
  ]);
});

test('small families sort and escape their labels', () => {
  const samples = [
    { labels: { b: '"', a: 'x' }, value: 0.5 },
    { labels: {}, value: 2n ** 63n },
  ];
  assert.equal(
    writeSmallFamily({ name: 'g', help: 'h', type: 'gauge', samples }, 'text'),
    '# HELP g h\n# TYPE g gauge\ng{a="x",b="\\""} 0.5\ng 9223372036854775808\n',
  );
  assert.equal(writeSmallFamily({ name: 'g', help: 'h', type: 'gauge', samples: [] }, 'text'), '');
});
