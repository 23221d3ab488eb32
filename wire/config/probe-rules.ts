import { familyDifference, keptLabels, suffixClashes, withoutBucket, type Family } from './family.js';
import { checkLabels, isEventFed } from './metric-rules.js';
import type { Path } from '../../lib/yaml/path.js';
import { isObject, objectsOf, type Loose, type Report } from './rules.js';

/** Rules across a whole file. See `rules.ts` for how rules are written. */

const METRIC_LISTS = ['counters', 'gauges', 'histograms'] as const;
/** Whatever says how values are bucketed. */
const BUCKET_KEYS = ['bucket_type', 'bucket_min', 'bucket_max', 'bucket_keys', 'bucket_multiplier', 'buckets'] as const;

export function checkProbe(value: unknown, report: Report): void {
  if (!isObject(value)) return;
  checkServesSomething(value, report);
  checkMetricNames(value, report);
  checkKaddrs(value['kaddrs'], report);
  checkVariants(value['variants'], report);
}

export function checkSpan(value: unknown, report: Report): void {
  if (isObject(value)) checkLabels(value['labels'], report);
}

function checkServesSomething(probe: Loose, report: Report): void {
  const { metrics, tracing, events } = probe;
  const lists = [
    ...METRIC_LISTS.map((key) => (isObject(metrics) ? metrics[key] : undefined)),
    isObject(tracing) ? tracing['spans'] : undefined,
    events,
  ];
  // A key of the wrong type has its own problem.
  const unreadable = [metrics, tracing].some((part) => part !== undefined && !isObject(part));
  if (!unreadable && lists.every((list) => list === undefined || (Array.isArray(list) && list.length === 0))) {
    report([], 'has no metric, span or event', 'add metrics:, tracing: or events:');
  }
}

interface NamedFamily extends Family {
  readonly path: Path;
  readonly metric: Loose;
}

/** One name is one family: the same type, help and labels, from another source. */
function checkMetricNames(probe: Loose, report: Report): void {
  const metrics = isObject(probe['metrics']) ? probe['metrics'] : {};
  const byName = new Map<string, NamedFamily>();
  for (const kind of METRIC_LISTS) {
    for (const [index, metric] of objectsOf(metrics[kind])) {
      if (typeof metric['name'] !== 'string') continue;
      const family = { ...familyOf(kind, metric['name'], metric), path: ['metrics', kind, index, 'name'], metric };
      const other = byName.get(family.name);
      if (other === undefined) byName.set(family.name, family);
      else reportSecond(family, other, report);
    }
  }
  for (const { family, histogram } of suffixClashes(byName)) {
    report(family.path, `${family.name} is also a series of the histogram ${histogram.name}`, 'rename one of them');
  }
}

function familyOf(kind: (typeof METRIC_LISTS)[number], name: string, metric: Loose): Family {
  const labels = objectsOf(metric['labels']).map(([, label]) => String(label['name']));
  const histogram = kind === 'histograms';
  const limits = isObject(metric['limits']) ? metric['limits'] : {};
  const exemplar = isObject(metric['exemplar']) ? metric['exemplar'] : {};
  return {
    name,
    type: kind.slice(0, -1),
    help: String(metric['help']),
    labels: keptLabels(
      histogram && !isEventFed(metric) ? withoutBucket(labels) : labels,
      { keep: namesOf(limits['keep']), drop: namesOf(limits['drop']) },
      { traceId: String(exemplar['trace_id']), spanId: String(exemplar['span_id']) },
    ),
    buckets: histogram ? JSON.stringify(BUCKET_KEYS.map((key) => metric[key] ?? 0)) : '',
    limits: JSON.stringify([limits['cap'], limits['ttl'] ?? metric['flush_interval'], limits['top']]),
  };
}

function namesOf(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function reportSecond(one: NamedFamily, other: NamedFamily, report: Report): void {
  const difference = familyDifference(other, one);
  if (difference !== null) {
    report(one.path, `${one.name} is defined before with ${difference}`, 'rename one or make them equal');
  } else if (sourceOf(one.metric) === sourceOf(other.metric)) {
    report(one.path, `${one.name} is defined before, which would count everything twice`, 'remove one');
  }
}

function sourceOf(metric: Loose): string {
  const map = metric['ringbuf'] ?? metric['perf_buffer'] ?? metric['map'] ?? metric['name'];
  return JSON.stringify([map, metric['value'] ?? null]);
}

function checkKaddrs(kaddrs: unknown, report: Report): void {
  if (!Array.isArray(kaddrs)) return;
  for (const [index, symbol] of kaddrs.entries()) {
    if (typeof symbol === 'string' && kaddrs.indexOf(symbol) < index) {
      report(['kaddrs', index], `${symbol} is listed twice`, 'remove one');
    }
  }
}

function checkVariants(variants: unknown, report: Report): void {
  const names = new Set<unknown>();
  for (const [index, variant] of objectsOf(variants)) {
    const { name, object, programs } = variant;
    if (object === undefined && programs === undefined) {
      report(['variants', index], 'names neither an object nor programs', 'add object: or programs:');
    }
    const own = name ?? object;
    if (typeof own === 'string' && names.has(own)) {
      report(['variants', index], `${own} is the name of an earlier variant`, 'give it a name of its own');
    }
    names.add(own);
  }
}
