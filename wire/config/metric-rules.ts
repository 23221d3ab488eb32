import { parseDuration } from '../../lib/duration.js';
import { bucketIndex } from './family.js';
import { isObject, objectsOf, type Loose, type Report } from './rules.js';

/** Rules across the keys of metrics. See `rules.ts` for how rules are written. */

const SOURCES = ['perf_event_array', 'ringbuf', 'perf_buffer', 'map'] as const;
/** Keys that describe buckets which the kernel side has made. */
const BUCKET_KEYS = ['bucket_type', 'bucket_min', 'bucket_max', 'bucket_keys', 'bucket_multiplier'] as const;
/** Buckets of a u64: exp2 has 2^0 … 2^64, exp2zero one more, for 0. */
const MAX_EXP2_BUCKET = 64;
/** Series a label set of one histogram: more is a slip, not a histogram. */
const MAX_BUCKETS = 10_000;

/** Names (behind the prefix) of the metrics that are there without any config: aggregator/output/prometheus/built-in.ts. */
export const BUILT_IN_METRICS: ReadonlySet<unknown> = new Set([
  'build_info',
  'decoder_errors_total',
  'ebpf_program_attached',
  'ebpf_program_info',
  'ebpf_program_run_count_total',
  'ebpf_program_run_time_seconds',
  'enabled_configs',
]);

export function isEventFed(metric: Loose): boolean {
  return metric['perf_event_array'] === true || metric['ringbuf'] !== undefined || metric['perf_buffer'] !== undefined;
}

/** Rules that counters, gauges and histograms share. */
export function checkMetric(value: unknown, report: Report): void {
  if (!isObject(value)) return;
  if (BUILT_IN_METRICS.has(value['name'])) {
    report(['name'], `${String(value['name'])} is a metric that is always there`, 'choose another name');
  }
  checkSource(value, report);
  checkLabels(value['labels'], report);
  checkLimits(value, report);
  checkExemplar(value, report);
  const interval = value['flush_interval'];
  if (interval !== undefined && !isEventFed(value)) {
    report(['flush_interval'], 'is for metrics fed by events', 'remove it');
  }
}

export function checkGauge(value: unknown, report: Report): void {
  if (!isObject(value)) return;
  if (isEventFed(value) && value['value'] === undefined) {
    report([], 'is a gauge fed by events, but no member is its value', 'add value: MEMBER');
  }
  checkWindow(value, report);
  const limits = value['limits'];
  if (!isEventFed(value) && isObject(limits) && limits['ttl'] !== undefined) {
    report(['limits', 'ttl'], 'has no effect on a gauge of a map, whose series end with their rows', 'remove it');
  }
}

/** A window stands for `ttl`: a series ends when there was no event in it. */
function checkWindow(gauge: Loose, report: Report): void {
  const { aggregate, limits, window } = gauge;
  const isWindowed = isEventFed(gauge) && (aggregate === 'min' || aggregate === 'max');
  if (window !== undefined && !isWindowed) {
    report(['window'], 'is for gauges fed by events, with aggregate: min or max', 'remove it');
  }
  if (typeof window === 'string' && parseDuration(window) === 0) {
    report(['window'], 'is no time at all', 'write it like 15s');
  }
  if (!isWindowed) return;
  if (gauge['flush_interval'] !== undefined) {
    report(['flush_interval'], `has no effect with aggregate: ${String(aggregate)}`, 'use window');
  }
  if (isObject(limits) && limits['ttl'] !== undefined) {
    report(['limits', 'ttl'], `has no effect with aggregate: ${String(aggregate)}`, 'use window');
  }
}

/** Where the buckets come from: a label that the kernel side filled, or `value` and `buckets` for events. */
export function checkHistogram(value: unknown, report: Report): void {
  if (!isObject(value)) return;
  if (isEventFed(value)) checkEventHistogram(value, report);
  else checkMapHistogram(value, report);
  for (const [index, label] of objectsOf(value['labels'])) {
    if (label['name'] === 'le') {
      report(['labels', index, 'name'], 'le is the name Prometheus gives to the bucket', 'choose another name');
    }
  }
}

function checkMapHistogram(histogram: Loose, report: Report): void {
  if (histogram['buckets'] !== undefined) {
    report(['buckets'], 'is for histograms fed by events', 'use bucket_type, bucket_min and bucket_max');
  }
  if (histogram['bucket_type'] === undefined) {
    report(['bucket_type'], 'is missing', 'add one of exp2, exp2zero, linear, fixed');
  }
  const { labels } = histogram;
  if (labels === undefined || (Array.isArray(labels) && labels.length === 0)) {
    report(['labels'], 'a histogram needs a label', 'the last label is the bucket');
  }
  checkBucketStays(histogram, report);
  checkBuckets(
    {
      type: histogram['bucket_type'],
      min: histogram['bucket_min'],
      max: histogram['bucket_max'],
      keys: histogram['bucket_keys'],
    },
    { min: 'bucket_min', max: 'bucket_max', keys: 'bucket_keys', type: 'bucket_type' },
    report,
  );
  if (histogram['native'] === true && ['linear', 'fixed'].includes(String(histogram['bucket_type']))) {
    report(['native'], `${String(histogram['bucket_type'])} buckets cannot become exponential ones`, 'remove it');
  }
  const multiplier = histogram['bucket_multiplier'];
  if (histogram['native'] === true && typeof multiplier === 'number' && !isPowerOfTwo(multiplier || 1)) {
    report(
      ['native'],
      `bounds of 2^i times ${multiplier} are those of no native histogram: the multiplier is no power of two`,
      'remove it',
    );
  }
}

/** Exactly: such a double is 2^k, with k a whole number. */
function isPowerOfTwo(value: number): boolean {
  return 2 ** Math.round(Math.log2(value)) === value;
}

function checkBucketStays({ labels, limits }: Loose, report: Report): void {
  const names = objectsOf(labels).map(([, { name }]) => String(name));
  const bucket = names[bucketIndex(names)];
  const drop = isObject(limits) ? limits['drop'] : undefined;
  if (bucket === undefined || !Array.isArray(drop) || !drop.includes(bucket)) return;
  report(['limits', 'drop', drop.indexOf(bucket)], `${bucket} is the bucket`, 'name other labels');
}

function checkEventHistogram(histogram: Loose, report: Report): void {
  if (histogram['value'] === undefined) {
    report(['value'], 'a histogram fed by events needs the member that is bucketed', 'add value: MEMBER');
  }
  for (const key of BUCKET_KEYS) {
    if (histogram[key] !== undefined) {
      report([key], 'is for histograms read from a map', 'describe the buckets under buckets:');
    }
  }
  const buckets = histogram['buckets'];
  if (buckets === undefined) {
    report(['buckets'], 'a histogram fed by events needs buckets', 'add buckets: {type: exp2, min: 0, max: 27}');
  }
  if (!isObject(buckets)) return;
  if (buckets['type'] === 'native') {
    for (const key of ['min', 'max', 'keys']) {
      if (buckets[key] !== undefined) report(['buckets', key], 'has no effect on native buckets', 'remove it');
    }
    return;
  }
  checkBuckets(buckets, { min: 'min', max: 'max', keys: 'keys', type: 'type' }, (path, message, hint) =>
    report(['buckets', ...path], message, hint),
  );
}

interface BucketNames {
  readonly type: string;
  readonly min: string;
  readonly max: string;
  readonly keys: string;
}

function checkBuckets(buckets: Loose, names: BucketNames, report: Report): void {
  const { type, keys } = buckets;
  if (type === 'fixed') {
    checkFixed(keys, names, report);
    return;
  }
  if (keys !== undefined && typeof type === 'string') {
    report([names.keys], `has no effect on ${type} buckets`, `use ${names.type}: fixed, or remove it`);
  }
  const min = buckets['min'] ?? 0;
  const max = buckets['max'] ?? 0;
  if (typeof min !== 'number' || typeof max !== 'number') return;
  const at = buckets['max'] === undefined ? names.min : names.max;
  if (min >= max) {
    report(
      [at],
      `${names.min} is ${min} and ${names.max} is ${max}: there is no bucket between`,
      `make ${names.max} the larger`,
    );
    return;
  }
  const limit = type === 'exp2zero' ? MAX_EXP2_BUCKET + 1 : MAX_EXP2_BUCKET;
  if ((type === 'exp2' || type === 'exp2zero') && max > limit) {
    report([names.max], `is ${max}, but a u64 has no ${type} bucket above ${limit}`, `use ${limit} at most`);
  }
  if (type === 'linear' && max - min >= MAX_BUCKETS) {
    report([names.max], `makes ${max - min + 1} buckets`, `use ${MAX_BUCKETS} at most`);
  }
}

function checkFixed(keys: unknown, names: BucketNames, report: Report): void {
  if (keys === undefined || (Array.isArray(keys) && keys.length === 0)) {
    report([names.keys], 'fixed buckets need their keys', `list them under ${names.keys}:`);
  }
  if (!Array.isArray(keys)) return;
  for (let i = 1; i < keys.length; i++) {
    const [before, key] = [keys[i - 1] as unknown, keys[i] as unknown];
    if (typeof before !== 'number' || typeof key !== 'number' || before < key) continue;
    report([names.keys, i], `${key} after ${before}: keys ascend, each once`, 'sort them');
    return;
  }
}

function checkSource(metric: Loose, report: Report): void {
  const sources = SOURCES.filter((key) => metric[key] !== undefined && metric[key] !== false);
  const second = sources[1];
  if (second !== undefined) {
    report([second], `stands beside ${String(sources[0])}: a metric has one source`, 'remove one of them');
  }
}

/** Names once each; members for all or for none (`cpu` at the end, which is not in the key, aside). */
export function checkLabels(labels: unknown, report: Report): void {
  const list = objectsOf(labels);
  const seen = new Set<unknown>();
  for (const [index, { name }] of list) {
    if (typeof name === 'string' && seen.has(name)) {
      report(['labels', index, 'name'], `${name} is the name of an earlier label`, 'choose another name');
    }
    seen.add(name);
  }
  const inKey = list.filter(([index, { name }]) => !(name === 'cpu' && index === list.length - 1));
  const mixed = inKey.find(([, item]) => (item['member'] === undefined) !== (inKey[0]?.[1]['member'] === undefined));
  if (mixed !== undefined) {
    report(
      ['labels', mixed[0]],
      'some labels here are read by member and some by position',
      'give member to all of them or to none',
    );
  }
}

function labelNames(metric: Loose): Set<unknown> {
  return new Set(objectsOf(metric['labels']).map(([, { name }]) => name));
}

function checkLimits(metric: Loose, report: Report): void {
  const limits = metric['limits'];
  if (!isObject(limits)) return;
  if (limits['ttl'] !== undefined && metric['flush_interval'] !== undefined) {
    report(['limits', 'ttl'], 'stands beside flush_interval, which says the same', 'remove one of them');
  }
  if (limits['keep'] !== undefined && limits['drop'] !== undefined) {
    report(['limits', 'drop'], 'stands beside keep', 'name the labels that stay or those that go, not both');
  }
  const names = labelNames(metric);
  for (const key of ['keep', 'drop']) {
    const list = limits[key];
    if (!Array.isArray(list)) continue;
    for (const [index, name] of list.entries()) {
      if (typeof name === 'string' && !names.has(name)) {
        report(['limits', key, index], `${name} is not a label of this metric`, 'name one of its labels');
      }
    }
  }
}

function checkExemplar(metric: Loose, report: Report): void {
  const exemplar = metric['exemplar'];
  if (exemplar === undefined) return;
  if (!isEventFed(metric)) report(['exemplar'], 'is for metrics fed by events', 'remove it');
  if (!isObject(exemplar)) return;
  const names = labelNames(metric);
  for (const key of ['trace_id', 'span_id']) {
    const name = exemplar[key];
    if (typeof name === 'string' && !names.has(name)) {
      report(['exemplar', key], `${name} is not a label of this metric`, 'name the label that holds the id');
    }
    const keep = isObject(metric['limits']) ? metric['limits']['keep'] : undefined;
    if (typeof name === 'string' && Array.isArray(keep) && keep.includes(name))
      report(['exemplar', key], `${name} is kept on the series by limits.keep`, 'leave it out of one of them');
  }
}
