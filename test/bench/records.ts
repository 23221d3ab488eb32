/**
 * Records of known keys, from the bytes of a Records frame to the series that they count in: a counter, a gauge and a histogram of
 * one buffer, with three labels each. Against the usual way: a JSON message an event, and prom-client.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BufferState } from '../../aggregator/series/buffer-state.js';
import { recordColumns } from '../../aggregator/series/record-columns.js';
import { RecordAccount } from '../../aggregator/record-account.js';
import type { ValueField } from '../../wire/layout/value.js';
import { EventMetric, field, packRecords } from '../harness/event-metric.js';
import { randomInteger, seededRandom } from '../../lib/random.js';
import { cpuSeconds, interleave, median, report } from './bench.js';

const RECORDS = 400_000;
const RECORDS_A_FRAME = 8000;
const KEYS = 10_000;
const RECORD_BYTES = 40;
/** What one record may cost here, so that a whole aggregator does 300,000 a second. */
const GOAL_NS = 300;

interface MadeEvent {
  readonly pid: number;
  readonly peer: number;
  readonly port: number;
  readonly duration: number;
}

const random = seededRandom(1);
const keys = Array.from({ length: KEYS }, (_, i) => ({
  pid: 1000 + (i % 97),
  peer: 0x0a000000 + i,
  port: 1024 + (i % 13),
}));
const events: readonly MadeEvent[] = Array.from({ length: RECORDS }, () => ({
  ...keys[randomInteger(random, KEYS)]!,
  duration: Math.floor(2 ** (random() * 30)),
}));

function recordOf({ pid, peer, port, duration }: MadeEvent): Uint8Array {
  const view = new DataView(new ArrayBuffer(RECORD_BYTES));
  view.setUint32(8, pid, true);
  view.setUint32(12, peer);
  view.setUint16(16, port, true);
  view.setBigUint64(24, BigInt(duration), true);
  return new Uint8Array(view.buffer);
}

const frames = Array.from({ length: RECORDS / RECORDS_A_FRAME }, (_, i) =>
  packRecords(events.slice(i * RECORDS_A_FRAME, (i + 1) * RECORDS_A_FRAME).map(recordOf)),
);
const messages = events.map((event) => Buffer.from(JSON.stringify({ type: 'request', ...event })));

const labels = [field('pid', 8, 4), field('peer', 12, 4, { name: 'inet_ip' }), field('port', 16, 2)];
const value: ValueField = { offset: 24, size: 8, signed: false, kind: 'int' };
const ours = [
  new EventMetric({ labels }),
  new EventMetric({ type: 'gauge', labels, value, aggregate: 'last' }),
  new EventMetric({ type: 'histogram', labels, value, buckets: { bucketType: 'exp2', bucketMin: 0, bucketMax: 27 } }),
];
const [context] = ours.map((metric) => metric.context);
const account = new RecordAccount();
const alone = new BufferState([ours[0]!.state], account.of('bench', 'one'));
const together = new BufferState(
  ours.slice(1).map(({ state }) => state),
  account.of('bench', 'two'),
);

const registry = new Registry();
const common = { help: 'h', labelNames: ['pid', 'peer', 'port'], registers: [registry] };
const counter = new Counter({ name: 'requests_total', ...common });
const gauge = new Gauge({ name: 'last', ...common });
const buckets = Array.from({ length: 28 }, (_, i) => 2 ** i);
const histogram = new Histogram({ name: 'duration', buckets, ...common });

function usual(count: (labels: Record<string, string>, event: MadeEvent) => void): Promise<number> {
  return cpuSeconds(() => {
    for (const message of messages) {
      const event = JSON.parse(message.toString()) as MadeEvent;
      const { pid, peer, port } = event;
      const ip = `${peer >>> 24}.${(peer >>> 16) & 255}.${(peer >>> 8) & 255}.${peer & 255}`;
      count({ pid: String(pid), peer: ip, port: String(port) }, event);
    }
  });
}

function sonde(state: BufferState): Promise<number> {
  return cpuSeconds(() => {
    for (const frame of frames) state.apply(recordColumns(frame), context!);
  });
}

const samples = await interleave(
  {
    'sonde, a counter': () => sonde(alone),
    'sonde, a gauge and a histogram': () => sonde(together),
    'JSON and prom-client, a counter': () => usual((labels) => counter.inc(labels)),
    'JSON and prom-client, a gauge and a histogram': () =>
      usual((labels, { duration }) => {
        gauge.set(labels, duration);
        histogram.observe(labels, duration);
      }),
  },
  5,
);
for (const { consumed, decoded } of account.entries()) {
  if (decoded !== consumed || consumed !== 6 * RECORDS) throw new Error('records were lost');
}
const nanoseconds = (how: keyof typeof samples): number => (median(samples[how]) * 1e9) / RECORDS;
const one = nanoseconds('sonde, a counter');
const two = nanoseconds('sonde, a gauge and a histogram');
report({
  bench: 'records',
  rows: (Object.keys(samples) as (keyof typeof samples)[]).map((how) => ({
    [`${RECORDS} records of ${KEYS} known keys, 3 labels`]: how,
    'CPU ns a record': nanoseconds(how).toFixed(0),
  })),
  checks: [
    { name: `a counter, of ${GOAL_NS} ns`, ratio: one / GOAL_NS, goal: 1, kind: 'cost' },
    { name: 'a counter', ratio: nanoseconds('JSON and prom-client, a counter') / one, goal: 15, kind: 'gain' },
    {
      name: 'a gauge and a histogram',
      ratio: nanoseconds('JSON and prom-client, a gauge and a histogram') / two,
      goal: 6,
      kind: 'gain',
    },
  ],
});
