import type { ConfigProblem } from '../errors.js';
import { locator, problemAt } from './parse.js';
import type { Path } from '../../lib/yaml/path.js';
import type { AnyMetricConfig, DecoderName, LabelConfig, ProbeConfig, VariantConfig } from './schema.js';

/** What a version of Sonde may or may not serve yet, by name. */
export type Feature =
  | 'counters'
  /** Fed by events. */
  | 'gauges'
  | 'map_gauges'
  | 'histograms'
  | 'spans'
  | 'events'
  | 'kaddrs'
  | 'cgroup_id_map'
  | 'variants'
  | 'when'
  | 'map'
  | 'ringbuf'
  | 'perf_buffer'
  /** Of events. */
  | 'value'
  | 'map_value'
  /** Of events, `min` and `max`. */
  | 'aggregate'
  | 'native'
  | 'exemplar'
  | 'limits'
  | 'flush_interval'
  | 'member'
  | 'as'
  | 'redact'
  | `decoder:${DecoderName}`;

interface Use {
  readonly feature: Feature;
  readonly path: Path;
}

/**
 * What a config uses that this version does not serve, each with its place: better said at start than missed later.
 * @param served what this version serves.
 */
export function notServed(config: ProbeConfig, served: ReadonlySet<Feature>): ConfigProblem[] {
  const missing = usesOf(config).filter(({ feature }) => !served.has(feature));
  if (missing.length === 0) return [];
  const place = locator(config);
  return missing.map(({ feature, path }) =>
    problemAt(
      config,
      place,
      path,
      `this version of Sonde does not serve ${describe(feature)} yet`,
      'remove it, or leave this config out',
    ),
  );
}

function usesOf(config: ProbeConfig): Use[] {
  const lists = ['counters', 'gauges', 'histograms'] as const;
  return [
    ...lists.flatMap((list) =>
      config[list].flatMap((metric, index) => metricUses(list, metric, ['metrics', list, index])),
    ),
    ...config.spans.flatMap((span, index) => streamUses('spans', span.labels, ['tracing', 'spans', index])),
    ...config.events.flatMap((event, index) => streamUses('events', event.labels, ['events', index])),
    ...when(config.kaddrs.length > 0, 'kaddrs', ['kaddrs']),
    ...when(config.cgroupIdMap !== null, 'cgroup_id_map', ['cgroup_id_map']),
    ...when(config.variants.length > 0, 'variants', ['variants']),
    ...config.variants.flatMap((variant, index) => when(hasConditions(variant), 'when', ['variants', index, 'when'])),
  ];
}

function metricUses(list: 'counters' | 'gauges' | 'histograms', metric: AnyMetricConfig, path: Path): Use[] {
  const { kind, map } = metric.source;
  const ofMap = kind === 'map';
  return [
    { feature: list === 'gauges' && ofMap ? 'map_gauges' : list, path },
    ...when(ofMap && map !== metric.name, 'map', [...path, 'map']),
    ...when(kind === 'ringbuf', 'ringbuf', [...path, 'ringbuf']),
    ...when(kind === 'perf_buffer', 'perf_buffer', [...path, map === metric.name ? 'perf_event_array' : 'perf_buffer']),
    ...when(metric.value !== undefined, ofMap ? 'map_value' : 'value', [...path, 'value']),
    ...when(!ofMap && ['min', 'max'].includes(metric.aggregate), 'aggregate', [...path, 'aggregate']),
    ...when(metric.type === 'histogram' && metric.native, 'native', [...path, 'native']),
    ...when(metric.exemplar !== undefined, 'exemplar', [...path, 'exemplar']),
    ...when(metric.limits !== undefined, 'limits', [...path, 'limits']),
    ...when(metric.flushIntervalMs !== undefined, 'flush_interval', [...path, 'flush_interval']),
    ...labelUses(metric.labels, path),
  ];
}

function streamUses(feature: 'spans' | 'events', labels: readonly LabelConfig[], path: Path): Use[] {
  return [{ feature, path }, ...labelUses(labels, path)];
}

function labelUses(labels: readonly LabelConfig[], owner: Path): Use[] {
  return labels.flatMap((label, index) => {
    const path = [...owner, 'labels', index];
    return [
      ...when(label.member !== undefined, 'member', [...path, 'member']),
      ...when(label.as !== undefined, 'as', [...path, 'as']),
      ...when(label.redact !== undefined, 'redact', [...path, 'redact']),
      ...label.decoders.map((decoder, at): Use => ({
        feature: `decoder:${decoder.name}`,
        path: [...path, 'decoders', at, 'name'],
      })),
    ];
  });
}

function hasConditions({ when: { features, functions, arch } }: VariantConfig): boolean {
  return features.size > 0 || functions.length > 0 || arch.length > 0;
}

function when(used: boolean, feature: Feature, path: Path): Use[] {
  return used ? [{ feature, path }] : [];
}

function describe(feature: Feature): string {
  if (feature === 'map_gauges') return 'gauges read from maps';
  if (feature === 'map_value') return 'value of a map';
  const decoder = feature.startsWith('decoder:') ? feature.slice('decoder:'.length) : null;
  return decoder === null ? feature : `the decoder ${decoder}`;
}
