import { parseDuration } from '../../lib/duration.js';
import type { ProbeInput } from './schema.js';
import type {
  Aggregate,
  AttributeType,
  CgroupIdMapConfig,
  CounterConfig,
  DecoderConfig,
  EventConfig,
  GaugeConfig,
  HistogramConfig,
  KernelFeature,
  LabelConfig,
  LimitsConfig,
  MetricSource,
  ProbeConfig,
  SpanConfig,
  VariantConfig,
} from './types.js';

/** Makes what the schema has accepted into what the program uses: defaults applied, names in camelCase. */

/** What spans are exported under when the config does not say; ebpf_exporter's own default. */
const DEFAULT_SERVICE = 'ebpf_exporter';

/** As long as Prometheus waits between two scrapes when nobody says otherwise. */
const DEFAULT_WINDOW_MS = 60_000;

type MetricsInput = NonNullable<ProbeInput['metrics']>;
type CounterInput = NonNullable<MetricsInput['counters']>[number];
type GaugeInput = NonNullable<MetricsInput['gauges']>[number];
type HistogramInput = NonNullable<MetricsInput['histograms']>[number];
type SpanInput = NonNullable<NonNullable<ProbeInput['tracing']>['spans']>[number];
type EventInput = NonNullable<ProbeInput['events']>[number];
type AttributeInput = SpanInput['labels'][number];
type MetricInput = Omit<CounterInput, 'aggregate'>;

export function toProbeConfig(name: string, file: string, yaml: string, input: ProbeInput): ProbeConfig {
  return {
    name,
    file,
    yaml,
    counters: (input.metrics?.counters ?? []).map(toCounter),
    gauges: (input.metrics?.gauges ?? []).map(toGauge),
    histograms: (input.metrics?.histograms ?? []).map(toHistogram),
    spans: (input.tracing?.spans ?? []).map(toSpan),
    events: (input.events ?? []).map(toEvent),
    kaddrs: input.kaddrs ?? [],
    cgroupIdMap: toCgroupIdMap(input.cgroup_id_map),
    variants: (input.variants ?? []).map(toVariant),
    enabledByDefault: input.defaults !== 'off',
    sensitive: input.sensitive ?? false,
  };
}

function toCounter(input: CounterInput): CounterConfig {
  return { type: 'counter', ...toMetric(input, input.aggregate ?? 'sum') };
}

function toGauge(input: GaugeInput): GaugeConfig {
  // Rows of a map add up; of events, the last one tells how things stand.
  const eventFed = input.ringbuf !== undefined || input.perf_buffer !== undefined;
  const metric = toMetric(input, input.aggregate ?? (eventFed ? 'last' : 'sum'));
  const isWindowed = eventFed && (metric.aggregate === 'min' || metric.aggregate === 'max');
  return {
    type: 'gauge',
    ...metric,
    ...(isWindowed && { windowMs: input.window === undefined ? DEFAULT_WINDOW_MS : toMs(input.window) }),
  };
}

function toHistogram(input: HistogramInput): HistogramConfig {
  const buckets = input.buckets ?? {
    type: input.bucket_type ?? 'exp2',
    min: input.bucket_min,
    max: input.bucket_max,
    keys: input.bucket_keys,
    multiplier: input.bucket_multiplier,
  };
  const keys = buckets.type === 'fixed' ? (buckets.keys ?? []) : [];
  const fixed = buckets.type === 'fixed';
  return {
    type: 'histogram',
    ...toMetric(input, 'sum'),
    bucketType: buckets.type,
    bucketMin: (fixed ? keys[0] : buckets.min) ?? 0,
    bucketMax: (fixed ? keys.at(-1) : buckets.max) ?? 0,
    bucketKeys: keys,
    // Absent and 0 both mean 1.
    bucketMultiplier: buckets.multiplier || 1,
    native: (input.native ?? false) || buckets.type === 'native',
  };
}

function toMetric(input: MetricInput, aggregate: Aggregate): Omit<CounterConfig, 'type'> {
  const { exemplar } = input;
  const flushIntervalMs = toMs(input.flush_interval);
  return {
    name: input.name,
    help: input.help,
    labels: (input.labels ?? []).map(toLabel),
    source: toSource(input),
    aggregate,
    ...(input.value !== undefined && { value: input.value }),
    ...(exemplar !== undefined && {
      exemplar: { traceId: exemplar.trace_id, ...(exemplar.span_id !== undefined && { spanId: exemplar.span_id }) },
    }),
    ...(input.limits !== undefined && { limits: toLimits(input.limits) }),
    // Go reads 0 as "no interval".
    ...(flushIntervalMs > 0 && { flushIntervalMs }),
  };
}

function toSource(input: MetricInput): MetricSource {
  if (input.ringbuf !== undefined) return { kind: 'ringbuf', map: input.ringbuf };
  if (input.perf_buffer !== undefined) return { kind: 'perf_buffer', map: input.perf_buffer };
  if (input.perf_event_array === true) return { kind: 'perf_buffer', map: input.name };
  return { kind: 'map', map: input.map ?? input.name };
}

function toLimits(input: NonNullable<MetricInput['limits']>): LimitsConfig {
  const ttlMs = toMs(input.ttl);
  return {
    ...(input.cap !== undefined && { cap: input.cap }),
    ...(ttlMs > 0 && { ttlMs }),
    ...(input.top !== undefined && { top: input.top }),
    keep: input.keep ?? [],
    drop: input.drop ?? [],
  };
}

function toLabel(input: Omit<AttributeInput, 'as'> & { as?: AttributeType | undefined }): LabelConfig {
  return {
    name: input.name,
    padding: input.padding ?? 0,
    decoders: (input.decoders ?? []).map(toDecoder),
    ...(input.size !== undefined && { size: input.size }),
    ...(input.member !== undefined && { member: input.member }),
    ...(input.as !== undefined && { as: input.as }),
    ...(input.redact !== undefined && { redact: input.redact }),
  };
}

function toDecoder(input: NonNullable<AttributeInput['decoders']>[number]): DecoderConfig {
  return {
    name: input.name,
    allowUnknown: input.allow_unknown ?? false,
    regexps: input.regexps ?? [],
    ...(input.static_map !== undefined && { staticMap: new Map(Object.entries(input.static_map)) }),
  };
}

function toSpan(input: SpanInput): SpanConfig {
  return { ...toEvent(input), service: input.service ?? DEFAULT_SERVICE };
}

function toEvent(input: EventInput): EventConfig {
  return { ringbuf: input.ringbuf, name: input.name ?? input.ringbuf, labels: input.labels.map(toLabel) };
}

function toCgroupIdMap(input: ProbeInput['cgroup_id_map']): CgroupIdMapConfig | null {
  return input === undefined ? null : { name: input.name, type: input.type ?? 'hash', regexps: input.regexps };
}

function toVariant(input: NonNullable<ProbeInput['variants']>[number], index: number): VariantConfig {
  const { functions, arch, ...features } = input.when ?? {};
  return {
    name: input.name ?? input.object?.replace(/\.bpf\.o$/, '') ?? `variant-${index + 1}`,
    programs: input.programs ?? [],
    when: {
      features: new Map(Object.entries(features) as [KernelFeature, boolean][]),
      functions: functions ?? [],
      arch: arch ?? [],
    },
    ...(input.object !== undefined && { object: input.object }),
  };
}

/** 0 when absent. */
function toMs(text: string | undefined): number {
  return text === undefined ? 0 : (parseDuration(text) ?? 0);
}
