import { z } from 'zod';
import { checkGauge, checkHistogram, checkMetric } from './metric-rules.js';
import { attribute, count, duration, identifier, label, memberPath, metricName, regexp, text } from './parts.js';
import { checkProbe, checkSpan } from './probe-rules.js';
import { withRules } from './rules.js';
import { KERNEL_FEATURES } from './types.js';

export type * from './types.js';
export { DECODER_NAMES, HOST_DECODER_NAMES, KERNEL_FEATURES } from './types.js';

/**
 * What may be written in a probe's YAML: the truth for startup, `check:configs` and editors (`z.toJSONSchema`). It
 * describes the text as it is written; `convert.ts` applies the defaults. Lists are bounded only so that no slip can
 * take a machine down.
 */

const MAX_ITEMS = 1000;
/** 2^31 - 1: more series than any memory holds. */
const MAX_SERIES = 2_147_483_647;

const metricShape = {
  name: metricName.describe(
    'Without the ebpf_exporter_ prefix; also the map’s name unless map, ringbuf or perf_buffer is given',
  ),
  help: text.describe('What the metric says, for whoever reads it'),
  labels: z.array(label).max(MAX_ITEMS).optional().describe('Fields of the map’s key or of the record, in order'),
  map: identifier
    .optional()
    .describe('Map that is read, when it is not named as the metric: several metrics from one map'),
  ringbuf: identifier.optional().describe('Ring buffer whose records feed the metric, instead of a map'),
  perf_buffer: identifier.optional().describe('Perf event array whose records feed the metric, instead of a map'),
  value: memberPath.optional().describe('Struct member that is the value; left out: the whole u64, or 1 an event'),
  flush_interval: duration.optional().describe('Event-fed: a series without events for this long ends'),
  limits: z
    .strictObject({
      cap: z.int().min(1).max(MAX_SERIES).optional().describe('Series at most, the rest in one overflow series'),
      ttl: duration.optional().describe('A series that has vanished ends after this long'),
      top: z.int().min(1).max(MAX_SERIES).optional().describe('The largest N series, the rest as other'),
      keep: z.array(z.string()).max(MAX_ITEMS).optional().describe('Labels that stay'),
      drop: z.array(z.string()).max(MAX_ITEMS).optional().describe('Labels that go'),
    })
    .optional()
    .describe('Bounds of the number of series; left out: none'),
};

const exemplar = z
  .strictObject({
    trace_id: z.string().describe('Label that holds the trace’s id'),
    span_id: z.string().optional().describe('Label that holds the span’s id'),
  })
  .optional()
  .describe('Labels that hold the ids of the trace and the span; no series has them');
const aggregate = z
  .enum(['sum', 'min', 'max', 'last'])
  .optional()
  .describe('How values of equal label sets become one; left out: sum, of events last');

const counter = withRules(
  z.strictObject({
    ...metricShape,
    perf_event_array: z.boolean().optional().describe('Counts the records of the perf event array of this name'),
    aggregate: z.enum(['sum']).optional().describe('A counter can only be added up'),
    exemplar,
  }),
  checkMetric,
);

const gauge = withRules(
  withRules(
    z.strictObject({
      ...metricShape,
      aggregate,
      window: duration.optional().describe('Event-fed, aggregate min or max: of at least this long; left out: 1m'),
    }),
    checkMetric,
  ),
  checkGauge,
);

const multiplier = z.number().min(0).optional().describe('Seconds (or another unit) of 1; left out or 0: 1');

const histogram = withRules(
  withRules(
    z.strictObject({
      ...metricShape,
      bucket_type: z.enum(['exp2', 'exp2zero', 'linear', 'fixed']).optional().describe('What the last label counts'),
      bucket_min: count.optional().describe('First bucket'),
      bucket_max: count.optional().describe('Last bucket, inclusive; the next row is the sum'),
      bucket_keys: z.array(z.number().min(0)).max(MAX_ITEMS).optional().describe('fixed: the keys, ascending'),
      bucket_multiplier: multiplier,
      buckets: z
        .strictObject({
          type: z.enum(['exp2', 'linear', 'fixed', 'native']).describe('Bounds at 2^i, at i, at the keys, or none'),
          min: count.optional().describe('First bucket'),
          max: count.optional().describe('Last bucket, inclusive'),
          keys: z.array(z.number().min(0)).max(MAX_ITEMS).optional().describe('fixed: the bounds, ascending'),
          multiplier,
        })
        .optional()
        .describe('Event-fed: how value is bucketed'),
      native: z.boolean().optional().describe('An exponential native histogram beside the classic one'),
      aggregate: z.enum(['sum']).optional().describe('Buckets can only be added up'),
      exemplar,
    }),
    checkMetric,
  ),
  checkHistogram,
);

const attributes = z.array(attribute).min(1).max(MAX_ITEMS).describe('Fields of the record, in order');
const recordBuffer = identifier.describe('Ring buffer whose records these are');

const span = withRules(
  z.strictObject({
    ringbuf: recordBuffer,
    name: text.optional().describe('Left out: the ring buffer’s name'),
    service: text.optional().describe('Left out: ebpf_exporter'),
    labels: attributes,
  }),
  checkSpan,
);

const event = withRules(
  z.strictObject({
    ringbuf: recordBuffer,
    name: text.optional().describe('Left out: the ring buffer’s name'),
    labels: attributes,
  }),
  checkSpan,
);

const variant = z.strictObject({
  name: text.optional().describe('How it is called; left out: as its object'),
  object: z
    .string()
    .regex(/^[^/\0]+\.bpf\.o$/, { error: 'is not an object file of the same folder, such as probe-fentry.bpf.o' })
    .max(255)
    .optional()
    .describe('Object file beside the YAML; left out: NAME.bpf.o'),
  programs: z
    .array(identifier)
    .min(1)
    .max(MAX_ITEMS)
    .optional()
    .describe('Programs that belong to it; left out: all that no other variant names'),
  when: z
    .strictObject({
      ...Object.fromEntries(
        KERNEL_FEATURES.map((feature) => [
          feature,
          z.boolean().optional().describe('true: must be there; false: must not'),
        ]),
      ),
      functions: z.array(identifier).max(MAX_ITEMS).optional().describe('Kernel functions that must exist'),
      arch: z.array(text).max(MAX_ITEMS).optional().describe('One of these, as uname -m says'),
    })
    .optional()
    .describe('What the kernel must have (true) or lack (false)'),
});

export const probeSchema = withRules(
  z.strictObject({
    metrics: z
      .strictObject({
        counters: z.array(counter).max(MAX_ITEMS).optional().describe('Values that only rise'),
        gauges: z.array(gauge).max(MAX_ITEMS).optional().describe('Values that rise and fall'),
        histograms: z.array(histogram).max(MAX_ITEMS).optional().describe('Distributions of values'),
      })
      .optional()
      .describe('Metrics, made of maps or of records'),
    tracing: z
      .strictObject({ spans: z.array(span).max(MAX_ITEMS).optional().describe('Records that become spans of traces') })
      .optional()
      .describe('Traces, made of records'),
    events: z.array(event).max(MAX_ITEMS).optional().describe('Records that are kept as events'),
    kaddrs: z.array(identifier).max(MAX_ITEMS).optional().describe('Symbols for const volatile u64 kaddr_<symbol>'),
    cgroup_id_map: z
      .strictObject({
        name: identifier.describe('Map that holds 1 for each cgroup that matches'),
        type: z.enum(['hash', 'cgrp_storage']).optional().describe('Left out: hash'),
        regexps: z.array(regexp).min(1).max(MAX_ITEMS).describe('Over cgroup paths (RE2)'),
      })
      .optional()
      .describe('A map of cgroups by their paths, kept up to date'),
    variants: z.array(variant).min(1).max(MAX_ITEMS).optional().describe('In order of preference'),
    defaults: z.enum(['on', 'off']).optional().describe('off: runs only when asked for by name'),
    sensitive: z.boolean().optional().describe('Shows people’s data'),
  }),
  checkProbe,
);

/** A probe's YAML that the schema has accepted. */
export type ProbeInput = z.infer<typeof probeSchema>;
