import { suggest } from '../../lib/suggest.js';
import type { BpfMap, BpfObject } from '../../native/types.js';
import { ConfigError, SondeError, type ConfigProblem } from '../../wire/errors.js';
import type { AnyMetricConfig, ProbeConfig } from '../../wire/config/schema.js';
import { hasCpuRows, resolveFields } from '../../wire/layout/fields.js';
import { layoutProblems, valueProblem } from '../../wire/layout/report.js';
import { isValueField, resolveValue } from '../../wire/layout/value.js';

/** Map types whose rows can be walked, by libbpf's names. */
const WALKABLE = new Set(['hash', 'array', 'percpu_hash', 'percpu_array', 'lru_hash', 'lru_percpu_hash', 'lpm_trie']);

/**
 * Compares a config with its object before load: each metric's map is there, can be walked, and has keys and values of the
 * sizes that the labels add up to. Throws a SondeError `OBJECT_MISMATCH`, or a ConfigError with every size that does not fit.
 */
export function checkObject(config: ProbeConfig, object: BpfObject): void {
  const problems = [
    ...config.counters.flatMap((metric, i) => sizeProblems(config, metric, ['metrics', 'counters', i], object)),
    ...config.histograms.flatMap((metric, i) => sizeProblems(config, metric, ['metrics', 'histograms', i], object)),
  ];
  if (problems.length > 0) throw new ConfigError(problems, { stage: 'load' });
}

function sizeProblems(
  config: ProbeConfig,
  metric: AnyMetricConfig,
  path: readonly (string | number)[],
  object: BpfObject,
): ConfigProblem[] {
  const map = mapOf(config, metric, object);
  if (!WALKABLE.has(map.type)) {
    throw mismatch(
      config,
      metric,
      `map ${map.name} is of type ${map.type}, which has no rows to walk; name another map, or leave this metric out`,
    );
  }
  if (hasCpuRows(metric.labels, map.perCpu)) {
    throw mismatch(
      config,
      metric,
      `this version of Sonde does not keep CPUs apart: leave the label cpu out of the per-CPU map ${map.name}`,
    );
  }
  const { problems } = resolveFields(metric.labels, map.keyLayout, map.keySize, { perCpu: map.perCpu });
  const value = resolveValue(metric.value, map.valueLayout, map.valueSize);
  return [
    ...layoutProblems(config, path, problems),
    ...(isValueField(value) ? [] : [valueProblem(config, path, value)]),
  ];
}

function mapOf(config: ProbeConfig, metric: AnyMetricConfig, object: BpfObject): BpfMap {
  const map = object.maps.find(({ name }) => name === metric.source.map);
  if (map !== undefined) return map;
  const names = object.maps.map(({ name }) => name);
  const hint = suggest(metric.source.map, names);
  const there = names.length === 0 ? 'it has no maps' : `it has ${names.join(', ')}`;
  throw mismatch(
    config,
    metric,
    `no map ${metric.source.map} in the object (${there})${hint === undefined ? '' : `; did you mean ${hint}?`}`,
  );
}

function mismatch(config: ProbeConfig, metric: AnyMetricConfig, what: string): SondeError {
  return new SondeError('OBJECT_MISMATCH', `${config.file}: metric ${metric.name}: ${what}`, { stage: 'load' });
}
