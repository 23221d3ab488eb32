import { dirname, join } from 'node:path';
import type { BpfMap, BpfObject, Native } from '../../native/types.js';
import { objectFiles } from '../../wire/config/load.js';
import { metricsOf } from '../../wire/config/metrics-of.js';
import type { AnyMetricConfig, ProbeConfig } from '../../wire/config/schema.js';
import { ConfigError, type ConfigProblem } from '../../wire/errors.js';
import { hasCpuRows, resolveFields, type Field, type LayoutProblem } from '../../wire/layout/fields.js';
import { layoutProblems } from '../../wire/layout/report.js';
import { checkObject } from '../probe/check-object.js';

/** What can be told of a metric from its config and object. */
export interface MetricReport {
  readonly metric: AnyMetricConfig;
  /** Such as `map timer_starts_total (percpu_hash), key 8 bytes`. */
  readonly source: string;
  readonly fields: readonly Field[];
  /** Series at most; undefined: as many as there are different labels over time. */
  readonly maxSeries: number | undefined;
  /** Rows of the map at a time; undefined for a buffer. */
  readonly maxRows: number | undefined;
}

export interface StaticReport {
  readonly metrics: readonly MetricReport[];
  /** What does not fit: the config would be refused. */
  readonly faults: readonly string[];
  /** What loads, but looks like a slip. */
  readonly warnings: readonly ConfigProblem[];
}

/**
 * Holds a config against each of its objects, those of variants that this kernel does not take included. Needs no privileges. What
 * is wrong is in the report; throws only what is no fault of the config.
 */
export function checkProbe(config: ProbeConfig, native: Pick<Native, 'open' | 'possibleCpus'>): StaticReport {
  const faults: string[] = [];
  const warnings: ConfigProblem[] = [];
  let metrics: readonly MetricReport[] = [];
  for (const file of objectFiles(config)) {
    let object: BpfObject | undefined;
    try {
      object = native.open(join(dirname(config.file), file), { name: config.name });
      checkObject(config, object);
      metrics = reportsOf(config, object, native.possibleCpus());
      warnings.push(...warningsOf(config, object));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error.name === 'NativeError') faults.push(`${config.file}: ${error.message}`);
      else if (error instanceof ConfigError || error.name === 'SondeError') faults.push(error.message);
      else throw error;
    } finally {
      object?.close();
    }
  }
  return { metrics, faults: [...new Set(faults)], warnings };
}

const LISTS = ['counters', 'gauges', 'histograms'] as const;

function reportsOf(config: ProbeConfig, object: BpfObject, cpus: number): MetricReport[] {
  return metricsOf(config).flatMap((metric) => {
    const map = object.maps.find(({ name }) => name === metric.source.map);
    return map === undefined ? [] : [reportOf(metric, map, cpus)];
  });
}

function reportOf(metric: AnyMetricConfig, map: BpfMap, cpus: number): MetricReport {
  const { fields } = resolve(metric, map);
  const isMap = metric.source.kind === 'map';
  const shape = isMap ? `, key ${map.keySize} bytes, value ${map.valueSize} bytes` : recordText(map);
  const source = `${isMap ? 'map' : 'buffer'} ${map.name} (${map.type})${shape}`;
  const maxRows = isMap ? mapRows(metric, map, cpus) : undefined;
  return { metric, source, fields, maxSeries: seriesBound(metric, map, maxRows), maxRows };
}

/** Rows of an array stay. Of a hash they come and go, and a series stays when its row has gone, unless limits end it. */
function seriesBound({ labels, limits }: AnyMetricConfig, map: BpfMap, rows: number | undefined): number | undefined {
  if (labels.length === 0) return 1;
  const isFixed = rows !== undefined && map.type.includes('array');
  const bounds = [limits?.top ?? limits?.cap, isFixed ? rows : undefined].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function recordText({ valueLayout }: BpfMap): string {
  return valueLayout === null ? ', records without a type' : `, records of ${valueLayout.size} bytes`;
}

function mapRows(metric: AnyMetricConfig, map: BpfMap, cpus: number): number {
  return map.maxEntries * (hasCpuRows(metric.labels, map.perCpu) ? cpus : 1);
}

function warningsOf(config: ProbeConfig, object: BpfObject): ConfigProblem[] {
  return LISTS.flatMap((list) =>
    config[list].flatMap((metric, i) => {
      const map = object.maps.find(({ name }) => name === metric.source.map);
      return map === undefined ? [] : layoutProblems(config, ['metrics', list, i], resolve(metric, map).warnings);
    }),
  );
}

function resolve(
  metric: AnyMetricConfig,
  map: BpfMap,
): { readonly fields: readonly Field[]; readonly warnings: readonly LayoutProblem[] } {
  if (metric.source.kind === 'map')
    return resolveFields(metric.labels, map.keyLayout, map.keySize, { perCpu: map.perCpu });
  return resolveFields(metric.labels, map.valueLayout, map.valueLayout?.size ?? null, { record: true });
}
