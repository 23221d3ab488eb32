import type { BpfMap, BpfObject } from '../../native/types.js';
import { ConfigError, SondeError, type ConfigProblem } from '../../wire/errors.js';
import type { AnyMetricConfig, ProbeConfig } from '../../wire/config/schema.js';
import { hasCpuRows, resolveFields } from '../../wire/layout/fields.js';
import { layoutProblems, valueProblem } from '../../wire/layout/report.js';
import { checkCgroupIdMap } from './check-cgroup-id-map.js';
import { noSuchMap } from './no-such-map.js';
import { isValueField, resolveRecordValue, resolveValue } from '../../wire/layout/value.js';

/** Map types whose rows can be walked, by libbpf's names. */
const WALKABLE = new Set(['hash', 'array', 'percpu_hash', 'percpu_array', 'lru_hash', 'lru_percpu_hash', 'lpm_trie']);

/** Buffers that feed metrics: libbpf's name of the type, and what people call it. */
const BUFFERS = {
  ringbuf: { type: 'ringbuf', noun: 'a ring buffer' },
  perf_buffer: { type: 'perf_event_array', noun: 'a perf event array' },
} as const;

/** Of a map's values: a row must fit a frame. */
const MAX_VALUE_BYTES = 65_536;

type OwnerPath = readonly (string | number)[];

/**
 * Compares a config with its object before load: each metric's map is there and can be walked, or is a buffer of the kind that
 * the metric says, and has keys, values or records in which labels and value have their place. Throws a SondeError
 * `OBJECT_MISMATCH`, or a ConfigError with everything that does not fit.
 */
export function checkObject(config: ProbeConfig, object: BpfObject): void {
  const problems = (['counters', 'gauges', 'histograms'] as const).flatMap((list) =>
    config[list].flatMap((metric, i) => metricProblems(config, metric, ['metrics', list, i], object)),
  );
  if (problems.length > 0) throw new ConfigError(problems, { stage: 'load' });
  checkCgroupIdMap(config, object);
}

function metricProblems(
  config: ProbeConfig,
  metric: AnyMetricConfig,
  path: OwnerPath,
  object: BpfObject,
): ConfigProblem[] {
  const map = mapOf(config, metric, object);
  return metric.source.kind === 'map'
    ? rowProblems(config, metric, path, map)
    : recordProblems(config, metric, path, map);
}

function rowProblems(config: ProbeConfig, metric: AnyMetricConfig, path: OwnerPath, map: BpfMap): ConfigProblem[] {
  if (!WALKABLE.has(map.type)) {
    throw mismatch(
      config,
      metric,
      `map ${map.name} is of type ${map.type}, which has no rows to walk; name another map, or leave this metric out`,
    );
  }
  if (map.valueSize > MAX_VALUE_BYTES) {
    const what = `map ${map.name} has values of ${map.valueSize} bytes, and ${MAX_VALUE_BYTES} are the most; read another map`;
    throw mismatch(config, metric, what);
  }
  if (map.perCpu && metric.aggregate === 'last' && !hasCpuRows(metric.labels, true)) {
    const what = `which CPU of the per-CPU map ${map.name} was the last to write nobody knows; use aggregate: sum, min or max`;
    throw mismatch(config, metric, what);
  }
  const { problems } = resolveFields(metric.labels, map.keyLayout, map.keySize, { perCpu: map.perCpu });
  const value = resolveValue(metric.value, map.valueLayout, map.valueSize);
  return [
    ...layoutProblems(config, path, problems),
    ...(isValueField(value) ? [] : [valueProblem(config, path, value)]),
  ];
}

function recordProblems(config: ProbeConfig, metric: AnyMetricConfig, path: OwnerPath, map: BpfMap): ConfigProblem[] {
  const { kind } = metric.source;
  if (kind !== 'map' && map.type !== BUFFERS[kind].type) {
    const other = Object.entries(BUFFERS).find(([, { type }]) => type === map.type)?.[0];
    const hint = other === undefined ? `name ${BUFFERS[kind].noun}` : `write ${other}: ${map.name}`;
    throw mismatch(config, metric, `map ${map.name} is of type ${map.type}, not ${BUFFERS[kind].noun}; ${hint}`);
  }
  const layout = map.valueLayout;
  const { problems } = resolveFields(metric.labels, layout, layout?.size ?? null, { record: true });
  const value = metric.value === undefined ? null : resolveRecordValue(metric.value, layout, metric.type !== 'gauge');
  return [
    ...layoutProblems(config, path, problems),
    ...(value === null || isValueField(value) ? [] : [valueProblem(config, path, value)]),
  ];
}

function mapOf(config: ProbeConfig, metric: AnyMetricConfig, object: BpfObject): BpfMap {
  const map = object.maps.find(({ name }) => name === metric.source.map);
  if (map !== undefined) return map;
  throw mismatch(config, metric, noSuchMap(metric.source.map, object));
}

function mismatch(config: ProbeConfig, metric: AnyMetricConfig, what: string): SondeError {
  return new SondeError('OBJECT_MISMATCH', `${config.file}: metric ${metric.name}: ${what}`, { stage: 'load' });
}
