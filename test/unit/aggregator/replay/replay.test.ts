import assert from 'node:assert/strict';
import { readdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Replay, type ReplayOptions, type ReplaySummary } from '../../../../aggregator/replay/replay.js';
import type { ReplayFormat } from '../../../../aggregator/replay/sample-text.js';
import type { ConsumedRecord } from '../../../../wire/bus.js';
import { parseConfig } from '../../../../wire/config/parse.js';
import type { ProbeConfig } from '../../../../wire/config/schema.js';
import { recordedSimulation } from '../../../harness/recorded-simulation.js';
import type { Sample } from '../../../harness/reference-truth.js';
import { samplesByName } from '../../../harness/samples.js';

const MIB = 1024 * 1024;
let folder: string;
let records: readonly ConsumedRecord[];
let truth: readonly Sample[];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sonde-replay-test-'));
  ({ records, truth } = await recordedSimulation(13));
});
after(() => rmSync(folder, { recursive: true }));

interface Line extends Sample {
  readonly timestamp: number;
}

function replayed(
  options: Partial<ReplayOptions> = {},
  format: ReplayFormat = 'jsonl',
  from: readonly (readonly [number, ConsumedRecord])[] = records.map((record) => [0, record]),
): { text: string; summary: ReplaySummary } {
  const replay = new Replay({
    stepMs: 10_000,
    configs: [],
    metricPrefix: 'p_',
    maxSeriesPerMetric: 10_000,
    instanceLabel: 'instance',
    sorter: { folder, maxBytes: 256 * MIB },
    ...options,
  });
  for (const [partition, record] of from) replay.take(partition, record);
  const text = Buffer.from([...replay.text(format)].join(''), 'latin1').toString();
  const summary = replay.summary();
  replay.close();
  assert.deepEqual(readdirSync(folder), [], 'no temporary file is left');
  return { text, summary };
}

function linesOf(text: string): Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** The newest sample of each series. */
function last(lines: readonly Line[]): Map<string, string> {
  const newest = new Map<string, Line>();
  for (const line of lines) newest.set(JSON.stringify([line.metric, line.labels]), line);
  return samplesByName(newest.values());
}

function config(name: string, yaml: string): ProbeConfig {
  return parseConfig(name, `${name}.yaml`, yaml);
}

test('the last samples are the truth, and each series has one a step, in order of time', () => {
  const { text, summary } = replayed();
  const lines = linesOf(text);
  assert.deepEqual([...last(lines)].sort(), [...samplesByName(truth)].sort());
  assert.deepEqual([summary.hosts, summary.frames, summary.leftOut.size], [4, records.length, 0]);
  const times = new Map<string, number[]>();
  for (const { metric, labels, timestamp } of lines) {
    const name = JSON.stringify([metric, labels]);
    times.set(name, [...(times.get(name) ?? []), timestamp]);
  }
  for (const [name, seen] of times) {
    for (const [i, time] of seen.entries()) if (i > 0) assert.equal(time - seen[i - 1]!, 10, name);
    assert.equal(seen.at(-1), 1_800_000_130, name);
  }
});

test('a longer step samples less often, and the end all the same', () => {
  const times = new Set(linesOf(replayed({ stepMs: 60_000 }).text).map(({ timestamp }) => timestamp - 1_800_000_000));
  assert.deepEqual(
    [...times].sort((a, b) => a - b),
    [50, 110, 130],
  );
});

test('OpenMetrics has each metric in one piece, each series in one piece, and an end', () => {
  const { text } = replayed({}, 'openmetrics');
  const lines = text.split('\n');
  assert.deepEqual(lines.splice(-2), ['# EOF', '']);
  const seen = new Set<string>();
  let [family, series] = ['', ''];
  for (const line of lines) {
    if (line.startsWith('# HELP')) {
      family = line.split(' ')[2]!;
      assert.ok(!seen.has(family), `${family} comes twice`);
      seen.add(family);
      continue;
    }
    if (line.startsWith('#')) continue;
    assert.ok(line.startsWith(family), line);
    const match = /^(\S+?)(?:_bucket|_sum|_count|_total)?(\{.*\}) (\S+) 1800000\d\d0$/.exec(line);
    assert.ok(match, line);
    const name = match[1]! + match[2]!.replace(/,?le="[^"]*"/, '');
    if (name === series) continue;
    series = name;
    assert.ok(!seen.has(series), `${series} is in two pieces`);
    seen.add(series);
  }
  assert.equal(seen.has('p_sim_event_size_bytes'), true);
});

test('what does not fit the memory goes through files, and comes out the same', () => {
  const whole = replayed();
  assert.equal(replayed({ sorter: { folder, maxBytes: 20_000 } }).text, whole.text);
  assert.equal(replayed({ sorter: { folder, maxBytes: 3000 } }).text, whole.text, 'also through files of files');
});

test('in which order partitions are read makes no difference', () => {
  const partitionOf = ({ key }: ConsumedRecord): number => key.charCodeAt(0) % 2;
  const split = records.map((record) => [partitionOf(record), record] as const);
  const one = replayed({}, 'openmetrics', split);
  const other = replayed(
    {},
    'openmetrics',
    [...split].sort(([a], [b]) => b - a),
  );
  assert.equal(other.text, one.text);
});

test('under another config the same frames give other labels, other buckets, other metrics', () => {
  const calls = config(
    'sim-calls',
    `metrics:
  counters:
    - name: calls_by_code_total
      help: By code
      map: sim_calls_total
      labels: [{name: code, member: code, decoders: [{name: uint}]}]
`,
  );
  const events = config(
    'sim-events',
    `metrics:
  histograms:
    - name: sizes
      help: Other buckets
      ringbuf: sim_events
      value: size
      buckets: {type: fixed, keys: [1024, 1048576]}
      labels: [{name: kind, size: 4, decoders: [{name: uint}]}]
`,
  );
  const { text, summary } = replayed({ configs: [calls, events] });
  const lines = linesOf(text);
  assert.deepEqual([[...summary.problems], [...summary.leftOut]], [[], []]);
  const values = last(lines);
  const expected = new Map<string, bigint>();
  for (const { metric, labels, value } of truth) {
    const { command, le, ...rest } = labels;
    let name: string | undefined;
    if (metric === 'p_sim_calls_total') name = 'p_calls_by_code_total';
    else if (metric.startsWith('p_sim_event_size_bytes')) name = metric.replace('sim_event_size_bytes', 'sizes');
    if (name === undefined || (le !== undefined && !['1024', '1.048576e+06', '+Inf'].includes(le))) continue;
    assert.ok(metric !== 'p_sim_calls_total' || command !== undefined);
    const key = [
      ...samplesByName([{ metric: name, labels: { ...rest, ...(le !== undefined && { le }) }, value: '' }]).keys(),
    ][0]!;
    expected.set(key, (expected.get(key) ?? 0n) + BigInt(value));
  }
  assert.ok(expected.size > 30);
  for (const [key, value] of expected) assert.equal(values.get(key), String(value), key);
  const metrics = new Set(lines.map(({ metric }) => metric));
  for (const gone of ['p_sim_calls_total', 'p_sim_queue_bytes_total', 'p_sim_events_total'])
    assert.ok(!metrics.has(gone));
  assert.ok(metrics.has('p_sim_function_calls_total'), 'what is not replaced stays');
});

test('what nobody looked up then is unknown now, and counted', () => {
  const before = replayed().summary.unknownFacts;
  assert.ok(before > 0, 'addresses without a symbol');
  for (const [decoder, unknown] of [
    ['ksym', 'unknown_addr:0x1'],
    ['kstack', '??'],
    ['cgroup', 'unknown_cgroup_id:1'],
    ['ifname', 'unknown:1'],
    ['majorminor', 'unknown:0:1'],
    ['pci_vendor', 'unknown pci vendor: 0x01'],
    ['pci_device', 'unknown pci device: 0x0001'],
    ['pci_class', 'unknown pci class: 0x01'],
    ['pci_subclass', 'unknown pci subclass: 0x01 (class 0x00)'],
  ] as const) {
    const asked = config(
      'sim-latency',
      `metrics:
  histograms:
    - name: sim_latency_seconds
      help: Latency
      bucket_type: exp2
      bucket_min: 0
      bucket_max: 26
      labels:
        - {name: device, size: 4, decoders: [{name: uint}, {name: ${decoder}}]}
        - {name: bucket, size: 4, decoders: [{name: uint}]}
`,
    );
    const { text, summary } = replayed({ configs: [asked] });
    assert.ok(summary.unknownFacts > before, decoder);
    const counts = linesOf(text).filter(({ metric }) => metric === 'p_sim_latency_seconds_count');
    assert.ok(
      counts.some(({ labels }) => labels['device'] === unknown),
      `${decoder}: ${unknown}`,
    );
  }
});

test('a config that does not fit what was recorded is told of, and the others are served', () => {
  const wrong = config(
    'sim-calls',
    `metrics: {counters: [{name: sim_calls_total, help: Calls, labels: [{name: code, size: 4, decoders: [{name: uint}]}]}]}`,
  );
  const absent = config(
    'sim-functions',
    `metrics: {counters: [{name: elsewhere_total, help: No such map, labels: [{name: key, size: 4, decoders: [{name: uint}]}]}]}`,
  );
  const unused = config('sim-nothing', absent.yaml);
  const { text, summary } = replayed({ configs: [wrong, absent, unused] });
  const problems = [...summary.problems].map(([problem, hosts]) => `${problem} ${hosts}`).join('\n');
  assert.match(problems, /sim-calls: metric sim_calls_total: [^]*4 bytes[^]*20 bytes[^]* \d/);
  assert.match(
    problems,
    /sim-functions: metric elsewhere_total: elsewhere_total was not recorded, only sim_function_calls_total \d/,
  );
  assert.deepEqual(summary.unused.missing, ['sim-nothing']);
  assert.deepEqual(summary.unused.recorded, ['sim-calls', 'sim-events', 'sim-functions', 'sim-latency']);
  const metrics = new Set(linesOf(text).map(({ metric }) => metric));
  assert.ok(!metrics.has('p_sim_calls_total') && metrics.has('p_sim_events_total'));
});

test('frames that cannot be applied are counted by reason', () => {
  const bad = { key: 'x', value: new Uint8Array([255]), offset: 0n, timestampMs: 0 };
  const late = records.filter((_, i) => i > 2).map((record) => [0, record] as const);
  const { summary } = replayed({}, 'jsonl', [[0, bad], ...late]);
  assert.equal(summary.leftOut.get('frame_malformed'), 1);
  assert.ok(summary.leftOut.get('frame_no_manifest')! > 0);
});
