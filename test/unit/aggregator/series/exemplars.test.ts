import assert from 'node:assert/strict';
import test from 'node:test';
import { FamilyWriter } from '../../../../aggregator/output/prometheus/family-writer.js';
import { familyMessages } from '../../../../aggregator/output/prometheus/protobuf/family-encoder.js';
import { EventMetric, field, type EventMetricOptions } from '../../../harness/event-metric.js';

const KEY = field('key', 0, 1);
const TRACE = field('trace', 1, 4, { name: 'hex' });
const SPAN = field('span', 5, 2, { name: 'hex' });
const VALUE = { offset: 7, size: 1, signed: false, kind: 'int' } as const;

/** A record: key, trace's id (4 bytes), span's id (2 bytes), value. */
const record = (key: number, trace: string, span: string, value = 1): Uint8Array =>
  Uint8Array.from([key, ...Buffer.from(trace, 'hex'), ...Buffer.from(span, 'hex'), value]);

function metric(options: EventMetricOptions = {}): EventMetric {
  const all = { labels: [KEY, TRACE, SPAN], kept: ['key'], exemplar: { trace_id: TRACE, span_id: SPAN } };
  const made = new EventMetric({ name: 'm_total', ...all, ...options });
  made.settle(1_700_000_000_123);
  return made;
}

test('a counter shows the trace of an event, of which the series knows nothing', () => {
  const counter = metric();
  counter.take(record(7, '0a0b0c0d', 'beef'), record(7, '11111111', '2222'), record(8, 'ffffffff', 'ffff'));
  assert.equal(
    counter.text('openmetrics'),
    'm_total{key="7"} 2 # {trace_id="0a0b0c0d",span_id="beef"} 1 1700000000.123\n' +
      'm_total{key="8"} 1 # {trace_id="ffffffff",span_id="ffff"} 1 1700000000.123\n',
  );
});

test('what the event counted for is its value', () => {
  const counter = metric({ value: VALUE });
  counter.take(record(7, '0a0b0c0d', 'beef', 42));
  assert.equal(
    counter.text('openmetrics'),
    'm_total{key="7"} 42 # {trace_id="0a0b0c0d",span_id="beef"} 42 1700000000.123\n',
  );
});

test('each bucket of a histogram has one of its own, in the unit of the metric', () => {
  const histogram = metric({
    type: 'histogram',
    value: VALUE,
    buckets: { bucketType: 'fixed', bucketKeys: [2, 4], bucketMin: 2, bucketMax: 4, bucketMultiplier: 0.5 },
  });
  histogram.take(
    record(7, '00000001', '0001', 1),
    record(7, '00000002', '0002', 3),
    record(7, '00000003', '0003', 200),
  );
  const lines = histogram.text('openmetrics').split('\n');
  assert.deepEqual(lines, [
    'm_total_bucket{key="7",le="1"} 1 # {trace_id="00000001",span_id="0001"} 0.5 1700000000.123',
    'm_total_bucket{key="7",le="2"} 2 # {trace_id="00000002",span_id="0002"} 1.5 1700000000.123',
    'm_total_bucket{key="7",le="+Inf"} 3 # {trace_id="00000003",span_id="0003"} 100 1700000000.123',
    'm_total_sum{key="7"} 102',
    'm_total_count{key="7"} 3',
    '',
  ]);
});

test('a cell takes a new one after a second, and not before', () => {
  const counter = metric();
  counter.take(record(7, '00000001', '0001'));
  counter.settle(1_700_000_001_122);
  counter.take(record(7, '00000002', '0002'));
  assert.match(counter.text('openmetrics'), /00000001/);
  counter.settle(1_700_000_001_123);
  counter.take(record(7, '00000003', '0003'), record(7, '00000004', '0004'));
  assert.match(counter.text('openmetrics'), /^m_total\{key="7"\} 4 # \{trace_id="00000003",.* 1700000001\.123\n$/);
});

test('an event without a trace has none, and one without a span only the trace', () => {
  const counter = metric();
  counter.take(record(7, '00000000', 'beef'));
  assert.equal(counter.text('openmetrics'), 'm_total{key="7"} 1\n');
  counter.take(record(7, '0a0b0c0d', '0000'));
  assert.equal(counter.text('openmetrics'), 'm_total{key="7"} 2 # {trace_id="0a0b0c0d"} 1 1700000000.123\n');
});

test('the text format has none, nor has a counter whose name does not say so', () => {
  const counter = metric();
  counter.take(record(7, '0a0b0c0d', 'beef'));
  assert.equal(counter.text('text'), 'm_total{key="7"} 1\n');
  const unnamed = metric({ name: 'm' });
  unnamed.take(record(7, '0a0b0c0d', 'beef'));
  assert.equal(unnamed.text('openmetrics'), 'm{key="7"} 1\n');
});

test('ids of more than 128 characters with their names are left out, and counted', () => {
  const long = (bytes: number): EventMetric => {
    const trace = field('trace', 1, bytes, { name: 'hex' });
    return metric({ labels: [KEY, trace], exemplar: { trace_id: trace } });
  };
  const longest = long(60); // 8 of the name and 120 of the id
  longest.take(new Uint8Array(61).fill(0xab));
  assert.equal(longest.exemplarsRefused, 0);
  assert.match(longest.text('openmetrics'), /# \{trace_id="(ab){60}"\} 1 /);
  const tooLong = long(61);
  assert.deepEqual(tooLong.take(new Uint8Array(62).fill(0xab)), [1], 'the event counts all the same');
  assert.equal(tooLong.exemplarsRefused, 1);
  assert.doesNotMatch(tooLong.text('openmetrics'), /#/);
});

test('none is shown with the number of a series that has ended', () => {
  const counter = metric({ limits: { ttlMs: 5000 } });
  counter.take(record(7, '00000007', '0001'));
  counter.settle(1_700_000_004_000);
  counter.take(record(8, '00000008', '0001'));
  counter.settle(1_700_000_008_000);
  const shown = counter.text('openmetrics');
  assert.doesNotMatch(shown, /key="7"/);
  assert.doesNotMatch(shown, /key="8".*trace_id="00000007"/);
  counter.take(record(8, '00000009', '0001'));
  assert.match(counter.text('openmetrics'), /key="8"\} 2 # \{trace_id="00000009"/);
});

test('a scrape that has begun shows those of the series as they were', () => {
  const counter = metric({ limits: { ttlMs: 5000 } });
  counter.take(record(7, '00000007', '0001'));
  counter.settle(1_700_000_004_000);
  counter.take(record(8, '00000008', '0001'));
  const writer = new FamilyWriter(counter.family.view(), undefined, undefined, 'openmetrics');
  counter.settle(1_700_000_008_000);
  counter.take(record(9, '00000009', '0001'));
  const lines = writer.next()!.toString().split('\n');
  assert.match(lines[0]!, /^m_total\{key="7"\} 1 # \{trace_id="00000007"/);
  assert.match(lines[1]!, /^m_total\{key="8"\} 1 # \{trace_id="00000008"/);
});

test('no more than ten thousand are kept of a metric: the oldest go', () => {
  const key = field('key', 0, 2);
  const trace = field('trace', 2, 2, { name: 'hex' });
  const counter = metric({ labels: [key, trace], exemplar: { trace_id: trace } });
  const bytes = (n: number): Uint8Array => new Uint8Array(Uint16Array.of(n, n + 1).buffer);
  for (let n = 0; n < 10_050; n++) counter.take(bytes(n));
  const lines = counter.text('openmetrics').trim().split('\n');
  assert.equal(lines.length, 10_050);
  assert.equal(lines.filter((line) => line.includes('# {')).length, 10_000);
  assert.doesNotMatch(
    lines.find((line) => line.startsWith('m_total{key="49"}'))!,
    /#/,
  );
  assert.match(
    lines.find((line) => line.startsWith('m_total{key="50"}'))!,
    /#/,
  );
});

test('protobuf has them beside the counter', () => {
  const counter = metric();
  counter.take(record(7, '0a0b0c0d', 'beef'));
  const [bytes] = [...familyMessages(counter.family.view(), Buffer.alloc(0))];
  // Exemplar: two labels, then the value (field 2, double), then seconds and nanoseconds (field 3).
  const value = Buffer.alloc(9);
  value[0] = (2 << 3) | 1;
  value.writeDoubleLE(1, 1);
  const at = bytes!.indexOf(Buffer.concat([Buffer.from('\x12\x04beef'), value]));
  assert.ok(at > 0, bytes!.toString('hex'));
  const time = bytes!.subarray(at + 6 + 9);
  assert.deepEqual([...time.subarray(0, 2)], [(3 << 3) | 2, time.length - 2]);
});
