import { SondeError } from '../wire/errors.js';
import { bucketIndex, keptLabels } from '../wire/config/family.js';
import { metricsOf } from '../wire/config/metrics-of.js';
import type { AnyMetricConfig, HistogramConfig, ProbeConfig } from '../wire/config/schema.js';
import type { Config, MapShape } from '../wire/frame.js';
import { layoutFromMessage } from '../wire/layout-message.js';
import { resolveFields, type Field, type FieldResolution } from '../wire/layout/fields.js';
import { foldedField, isValueField, resolveRecordValue, resolveValue, type ValueField } from '../wire/layout/value.js';
import { bucketsOf, type BucketSpec } from './series/buckets.js';
import { EventState } from './series/event-state.js';
import type { ExemplarFields } from './series/exemplar-reader.js';
import type { Numbers } from './series/cells.js';
import type { Family, FamilyDefinition } from './series/family.js';
import { MapRowsState } from './series/map-rows.js';
import { RowDecoder } from './series/row-decoder.js';

export interface BindOptions {
  /** Put before every metric name. */
  readonly metricPrefix: string;
  /** Byte order of the host. */
  readonly littleEndian: boolean;
  /** CPUs that the host may have. */
  readonly possibleCpus: number;
  /** The family of a definition and its metric. Throws `METRIC_CONFLICT` or `FRAME_LIMIT`. */
  readonly family: (definition: FamilyDefinition, metric: AnyMetricConfig) => Family;
  /** Told when a metric's known keys had become too many, and were forgotten. */
  readonly onForgotten?: (() => void) | undefined;
  /** Told of an exemplar that was left out. */
  readonly onExemplarRefused?: (() => void) | undefined;
}

/** A metric with the map or buffer that feeds it. */
export interface BoundMetric {
  readonly map: MapShape;
  readonly state: MapRowsState | EventState;
}

/**
 * Each metric to the map or buffer of its name. Metrics that are silent here are left out.
 * Throws a SondeError `LAYOUT` for a metric that does not fit, or what `family` throws.
 */
export function bindMetrics(config: ProbeConfig, shape: Config, options: BindOptions): BoundMetric[] {
  const silent = new Set(shape.silentMetrics);
  return metricsOf(config).flatMap((metric) => {
    const map = shape.maps.find(({ name }) => name === metric.source.map);
    if (map === undefined || silent.has(metric.name)) return [];
    const state = metric.source.kind === 'map' ? rowState(metric, map, options) : eventState(metric, map, options);
    return [{ map, state }];
  });
}

function rowState(metric: AnyMetricConfig, map: MapShape, options: BindOptions): MapRowsState {
  const layout = map.key === undefined ? null : layoutFromMessage(map.key);
  const fields = fieldsOf(metric, resolveFields(metric.labels, layout, map.keySize, { perCpu: map.cpuRows }));
  const isHistogram = metric.type === 'histogram';
  const bucket = isHistogram ? fields[bucketIndex(fields.map(({ name }) => name))] : undefined;
  const labels = fields.filter((field) => field !== bucket);
  const value = rowValue(metric, map);
  const family = options.family(definitionOf(metric, labels, value, options), metric);
  const rowsPerKey = map.cpuRows ? options.possibleCpus : 1;
  return new MapRowsState(new RowDecoder(family, labels, bucket), map.maxEntries * rowsPerKey, value);
}

/** Where the metric's number is in a value as MapRows frames have it. */
function rowValue(metric: AnyMetricConfig, map: MapShape): ValueField {
  const { folds, valueSize } = map;
  const layout = map.value === undefined ? null : layoutFromMessage(map.value);
  const kernelSize = folds.length === 0 ? valueSize : (layout?.size ?? folds[0]!.size);
  const value = resolveValue(metric.value, layout, kernelSize);
  if (!isValueField(value)) throw layoutError(metric, [value]);
  const field = folds.length === 0 ? value : foldedField(value, metric.aggregate, folds);
  if (field !== undefined && field.offset + field.size <= valueSize) return field;
  throw layoutError(metric, [{ message: `its value is no part of what the host sends of map ${map.name}` }]);
}

function eventState(metric: AnyMetricConfig, map: MapShape, options: BindOptions): EventState {
  const layout = map.value === undefined ? null : layoutFromMessage(map.value);
  const labels = fieldsOf(metric, resolveFields(metric.labels, layout, layout?.size ?? null, { record: true }));
  const value = metric.value === undefined ? null : resolveRecordValue(metric.value, layout, metric.type !== 'gauge');
  if (value !== null && !isValueField(value)) throw layoutError(metric, [value]);
  const { littleEndian, onForgotten, onExemplarRefused } = options;
  const family = options.family(definitionOf(metric, labels, value, options), metric);
  const exemplar = exemplarFields(metric, labels);
  return new EventState(family, {
    labels,
    value,
    aggregate: metric.aggregate,
    exemplar,
    littleEndian,
    onForgotten,
    onExemplarRefused,
  });
}

function exemplarFields({ exemplar }: AnyMetricConfig, labels: readonly Field[]): ExemplarFields | undefined {
  const find = (name: string | undefined): Field | undefined => labels.find((label) => label.name === name);
  const traceId = find(exemplar?.traceId);
  return traceId && { trace_id: traceId, span_id: find(exemplar?.spanId) };
}

function definitionOf(
  metric: AnyMetricConfig,
  labels: readonly Field[],
  value: ValueField | null,
  { metricPrefix }: BindOptions,
): FamilyDefinition {
  const numbers = metric.type === 'gauge' && value !== null ? numbersOf(value) : 'u64';
  return {
    name: metricPrefix + metric.name,
    help: metric.help,
    type: metric.type,
    labels: keptLabels(
      labels.map(({ name }) => name),
      metric.limits,
      metric.exemplar,
    ),
    ...(metric.type === 'histogram' && { buckets: bucketsOf({ ...metric, ...nativeSource(metric) }) }),
    ...(numbers !== 'u64' && { numbers }),
    ...(metric.aggregate !== 'sum' && { aggregate: metric.aggregate }),
  };
}

/** The kernel's buckets are all there is of a map; of events there are the values. */
function nativeSource({ native, source }: HistogramConfig): Pick<BucketSpec, 'nativeFrom'> {
  return native ? { nativeFrom: source.kind === 'map' ? 'buckets' : 'values' } : {};
}

/** What a gauge of such values holds. */
function numbersOf({ kind, signed, size }: ValueField): Numbers {
  if (kind === 'float') return 'f64';
  return signed || size < 8 ? 'i64' : 'u64';
}

function fieldsOf(metric: AnyMetricConfig, { fields, problems }: FieldResolution): readonly Field[] {
  if (problems.length > 0) throw layoutError(metric, problems);
  return fields;
}

function layoutError({ name }: AnyMetricConfig, problems: readonly { readonly message: string }[]): SondeError {
  return new SondeError('LAYOUT', `metric ${name}: ${problems.map(({ message }) => message).join('; ')}`, {
    stage: 'decode',
  });
}
