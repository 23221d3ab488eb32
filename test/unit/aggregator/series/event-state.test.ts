import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COUNTED, FAILED } from '../../../../aggregator/series/event-state.js';
import type { ValueField } from '../../../../wire/layout/value.js';
import { EventMetric, field, type EventMetricOptions } from '../../../harness/event-metric.js';
import { forSeeds } from '../../../harness/seed.js';
import { randomInteger } from '../../../../lib/random.js';

const u64 = (offset: number): ValueField => ({ offset, size: 8, signed: false, kind: 'int' });
const s32 = (offset: number): ValueField => ({ offset, size: 4, signed: true, kind: 'int' });
const double = (offset: number): ValueField => ({ offset, size: 8, signed: true, kind: 'float' });

/** `struct { u32 key; s32 level; u64 amount; double load; }`. */
function record(key: number, level: number, amount: bigint, load = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, key, true);
  view.setInt32(4, level, true);
  view.setBigUint64(8, amount, true);
  view.setFloat64(16, load, true);
  return new Uint8Array(view.buffer);
}

const KEY = [field('key', 0, 4)];

test('a counter counts records, or adds what they say, exactly', () => {
  const count = new EventMetric({ labels: KEY });
  const sum = new EventMetric({ labels: KEY, value: u64(8) });
  const records = [record(1, 0, 2n ** 53n), record(2, 0, 5n), record(1, 0, 1n)];
  for (const metric of [count, sum]) assert.deepEqual(metric.take(...records), [COUNTED, COUNTED, COUNTED]);
  assert.equal(count.text(), 'm{key="1"} 2\nm{key="2"} 1\n');
  assert.equal(sum.text(), 'm{key="1"} 9007199254740993\nm{key="2"} 5\n');
});

test('without labels there is one series', () => {
  const metric = new EventMetric();
  metric.take(record(1, 0, 0n), record(2, 0, 0n), new Uint8Array(0));
  assert.equal(metric.text(), 'm 3\n');
});

test('a counter and a histogram leave out what is below 0, a gauge does not', () => {
  const [counter, histogram] = (['counter', 'histogram'] as const).map(
    (type) => new EventMetric({ type, value: s32(4) }),
  );
  const records = [record(1, 3, 0n), record(1, -1, 0n), record(1, 2, 0n)];
  for (const metric of [counter!, histogram!]) assert.deepEqual(metric.take(...records), [COUNTED, FAILED, COUNTED]);
  assert.equal(counter!.text(), 'm 5\n');
  assert.match(histogram!.text(), /^m_sum 5\nm_count 2\n/m);
  const [last, sum] = (['last', 'sum'] as const).map(
    (aggregate) => new EventMetric({ type: 'gauge', value: s32(4), aggregate, numbers: 'i64' }),
  );
  for (const metric of [last!, sum!]) metric.take(...records, record(1, -7, 0n));
  assert.equal(last!.text(), 'm -7\n');
  assert.equal(sum!.text(), 'm -3\n');
});

test('gauges are exact to the ends of 64 bits', () => {
  const s64: ValueField = { offset: 8, size: 8, signed: true, kind: 'int' };
  const signed = new EventMetric({ type: 'gauge', labels: KEY, value: s64, aggregate: 'last', numbers: 'i64' });
  const unsigned = new EventMetric({ type: 'gauge', labels: KEY, value: u64(8), aggregate: 'last' });
  const values = [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 2n ** 32n, 2n ** 64n - 1n];
  for (const metric of [signed, unsigned]) metric.take(...values.map((value, key) => record(key, 0, value)));
  const lines = (of: (value: bigint) => bigint): string =>
    values.map((value, key) => `m{key="${key}"} ${of(value)}\n`).join('');
  assert.equal(
    signed.text(),
    lines((value) => BigInt.asIntN(64, value)),
  );
  assert.equal(
    unsigned.text(),
    lines((value) => value),
  );
});

test('gauges of floats: the last, or the sum, into which nothing goes that would stay for ever', () => {
  const [last, sum] = (['last', 'sum'] as const).map(
    (aggregate) => new EventMetric({ type: 'gauge', value: double(16), aggregate, numbers: 'f64' }),
  );
  const records = [0.5, -0.125, Infinity, NaN].map((load) => record(1, 0, 0n, load));
  assert.deepEqual(sum!.take(...records), [COUNTED, COUNTED, FAILED, FAILED]);
  assert.equal(sum!.text(), 'm 0.375\n');
  last!.take(...records);
  assert.equal(last!.text(), 'm NaN\n');
  last!.take(...records.slice(0, 3));
  assert.equal(last!.text(), 'm +Inf\n');
});

test('a histogram: cumulative buckets, what is above the last only in +Inf, the sum scaled when written', () => {
  const buckets = { bucketType: 'exp2', bucketMin: 1, bucketMax: 3, bucketMultiplier: 0.001 } as const;
  const metric = new EventMetric({ type: 'histogram', labels: KEY, value: u64(8), buckets });
  metric.take(...[0n, 2n, 3n, 8n, 9n, 1000n].map((amount) => record(7, 0, amount)));
  assert.equal(
    metric.text(),
    `m_bucket{key="7",le="0.002"} 2
m_bucket{key="7",le="0.004"} 3
m_bucket{key="7",le="0.008"} 4
m_bucket{key="7",le="+Inf"} 6
m_sum{key="7"} 1.022
m_count{key="7"} 6
`,
  );
});

test('a record that is too short is a decode error; what follows the last label is ignored', () => {
  const metric = new EventMetric({ labels: KEY, value: u64(8) });
  const whole = record(1, 0, 3n);
  assert.deepEqual(metric.take(whole.subarray(0, 15), whole.subarray(0, 16), whole), [FAILED, COUNTED, COUNTED]);
  assert.equal(metric.text(), 'm{key="1"} 6\n');
});

test('bytes between labels make no series of their own, and no key', () => {
  const metric = new EventMetric({ labels: [field('a', 1, 2), field('b', 7, 1)] });
  const records = Array.from({ length: 50 }, (_, i) => Uint8Array.from([i, 1, 0, i, i, i, i, 2, i]));
  metric.take(...records);
  assert.equal(metric.text(), 'm{a="1",b="2"} 50\n');
});

test('records that cannot be decoded are failures, each time', () => {
  const metric = new EventMetric({ labels: [field('a', 0, 3)] });
  assert.deepEqual(metric.take(record(1, 0, 0n), record(1, 0, 0n)), [FAILED, FAILED]);
  assert.equal(metric.text(), '');
});

test('a fact that comes late, or is another now, changes the label from then on', () => {
  const metric = new EventMetric({ labels: [field('f', 8, 8, { name: 'ksym' })] });
  const { facts } = metric.context;
  metric.take(record(0, 0, 5n));
  facts.set('ksym', 5n, Buffer.from('first'));
  metric.take(record(0, 0, 5n), record(0, 0, 5n));
  facts.set('ksym', 5n, Buffer.from('first'));
  facts.set('ksym', 5n, Buffer.from('second'));
  metric.take(record(0, 0, 5n));
  assert.equal(metric.text(), 'm{f="unknown_addr:0x5"} 1\nm{f="first"} 2\nm{f="second"} 1\n');
});

test('known keys are bounded, and forgetting them changes nothing but time', () => {
  // Keys of 1 KiB: a few thousand fill the bound.
  const metric = new EventMetric({ labels: [field('key', 0, 1024, { name: 'string' })] });
  const KEYS = 9000;
  const records = Array.from({ length: KEYS }, (_, key) => {
    const bytes = new Uint8Array(1024);
    bytes.set(Buffer.from(`${key}`));
    return bytes;
  });
  for (let round = 0; round < 2; round++) metric.take(...records);
  assert.ok(metric.forgotten >= 2, `${metric.forgotten}`);
  const lines = metric.text().trimEnd().split('\n');
  assert.equal(lines.length, KEYS);
  for (const line of lines) assert.match(line, / 2$/);
});

test('beyond the limit of series one takes the rest, and every record is counted', () => {
  const metric = new EventMetric({ labels: KEY, maxSeries: 2 });
  const records = [1, 2, 3, 4, 3, 1].map((key) => record(key, 0, 0n));
  metric.take(...records);
  assert.equal(metric.text(), 'm{key="1"} 2\nm{key="2"} 1\nm{key="other"} 3\n');
});

test('random records of random layouts, against a Map of texts and bigints', () =>
  forSeeds(60, (random) => {
    const littleEndian = random() < 0.5;
    const a = field('a', randomInteger(random, 6), [1, 2, 4, 8][randomInteger(random, 4)]!);
    const b = field('b', a.offset + a.size + randomInteger(random, 4), 1 + randomInteger(random, 5), { name: 'hex' });
    const value = u64(b.offset + b.size + randomInteger(random, 5));
    const sum = new EventMetric({ labels: [a, b], value, littleEndian });
    const last = new EventMetric({ type: 'gauge', labels: [a, b], value, aggregate: 'last', littleEndian });
    const model = new Map<string, { sum: bigint; last: bigint }>();
    for (let frame = 0; frame < 5; frame++) {
      const records = Array.from({ length: randomInteger(random, 60) }, () => {
        const bytes = Buffer.alloc(value.offset + randomInteger(random, 24));
        // Few different bytes: keys must come again.
        for (let i = 0; i < bytes.length; i++) bytes[i] = randomInteger(random, i < value.offset ? 3 : 256);
        return bytes;
      });
      const expected = records.map((bytes) => {
        if (bytes.length < value.offset + 8) return FAILED;
        const number = littleEndian ? bytes.readBigUInt64LE(value.offset) : bytes.readBigUInt64BE(value.offset);
        const field = Buffer.from(bytes.subarray(a.offset, a.offset + a.size));
        const text = BigInt(`0x${(littleEndian ? field.reverse() : field).toString('hex')}`);
        const labels = `a="${text}",b="${bytes.subarray(b.offset, b.offset + b.size).toString('hex')}"`;
        const before = model.get(labels)?.sum ?? 0n;
        model.set(labels, { sum: BigInt.asUintN(64, before + number), last: number });
        return COUNTED;
      });
      assert.deepEqual(sum.take(...records), expected);
      assert.deepEqual(last.take(...records), expected);
    }
    const lines = (which: 'sum' | 'last'): string =>
      [...model].map(([labels, values]) => `m{${labels}} ${values[which]}\n`).join('');
    assert.equal(sum.text(), lines('sum'));
    assert.equal(last.text(), lines('last'));
  }));

/** A gauge of the last value, one that adds up, and one of floats that does, with the same limits. */
function threeGauges(limits: NonNullable<EventMetricOptions['limits']>): Record<'last' | 'sum' | 'float', EventMetric> {
  const last = new EventMetric({
    type: 'gauge',
    labels: KEY,
    value: s32(4),
    numbers: 'i64',
    aggregate: 'last',
    limits: { ...limits, keepsLast: true },
  });
  const sum = new EventMetric({ type: 'gauge', labels: KEY, value: s32(4), numbers: 'i64', limits });
  const float = new EventMetric({ type: 'gauge', labels: KEY, value: double(16), numbers: 'f64', limits });
  return { last, sum, float };
}

test('a gauge of the last value ends without a trace, one that adds up goes to other', () => {
  const { last, sum, float } = threeGauges({ ttlMs: 10_000 });
  const all = [last, sum, float];
  for (const metric of all) {
    metric.take(record(1, -5, 0n, 0.5), record(2, 7, 0n, 0.25), record(1, -6, 0n, 1));
    metric.settle(8000);
    metric.take(record(2, 8, 0n, 2));
    metric.settle(12_000);
    metric.take(record(2, 1, 0n, 8), record(3, 2, 0n, 16));
  }
  assert.equal(last.text(), 'm{key="2"} 1\nm{key="3"} 2\n');
  assert.equal(sum.text(), 'm{key="2"} 16\nm{key="other"} -11\nm{key="3"} 2\n');
  assert.equal(float.text(), 'm{key="2"} 10.25\nm{key="other"} 1.5\nm{key="3"} 16\n');
  for (const metric of all) metric.settle(60_000);
  assert.equal(last.text(), '');
  assert.equal(sum.text(), 'm{key="other"} 7\n');
  assert.equal(float.text(), 'm{key="other"} 27.75\n');
});

test('the largest gauges show what they are, and the rest adds up where it can', () => {
  const { last, sum, float } = threeGauges({ top: 1 });
  for (const metric of [last, sum, float]) {
    metric.take(record(1, -5, 0n, -0.5), record(2, -1, 0n, -0.25), record(3, -3, 0n, -4));
    metric.settle(0);
  }
  assert.equal(last.text(), 'm{key="2"} -1\n');
  assert.equal(sum.text(), 'm{key="2"} -1\nm{key="other"} -8\n');
  assert.equal(float.text(), 'm{key="2"} -0.25\nm{key="other"} -4.5\n');
  for (const metric of [last, sum, float]) {
    metric.take(record(3, 10, 0n, 10));
    metric.settle(59_999);
    assert.match(metric.text(), /key="2"/, 'ranked once a minute');
    metric.settle(60_000);
  }
  assert.equal(last.text(), 'm{key="3"} 10\n');
  assert.equal(sum.text(), 'm{key="3"} 7\nm{key="other"} -6\n');
  assert.equal(float.text(), 'm{key="3"} 6\nm{key="other"} -0.75\n');
});

test('a label that is left out makes no difference', () => {
  const labels = [...KEY, field('level', 4, 4)];
  const metric = new EventMetric({ labels, kept: ['key'] });
  for (let level = 0; level < 200_000; level++) metric.take(record(1, level, 0n));
  assert.equal(metric.text(), 'm{key="1"} 200000\n');
  assert.equal(metric.forgotten, 0, 'what is left out is no part of the key');
});
