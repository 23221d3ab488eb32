import type { ConfigProblem } from '../errors.js';
import { familyDifference, keptLabels, suffixClashes, withoutBucket, type Family } from './family.js';
import { locator, problemAt } from './parse.js';
import type { Path } from '../../lib/yaml/path.js';
import type { AnyMetricConfig, HistogramConfig, ProbeConfig } from './schema.js';

interface PlacedFamily extends Family {
  readonly config: ProbeConfig;
  readonly path: Path;
}

/** Metrics of one name in two configs that are not one family. Equal definitions are one, and fine. */
export function crossConfigProblems(configs: readonly ProbeConfig[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const byName = new Map<string, PlacedFamily>();
  for (const family of configs.flatMap(familiesOf)) {
    const other = byName.get(family.name);
    if (other === undefined) byName.set(family.name, family);
    // Within one file the schema has seen to it.
    if (other === undefined || other.config === family.config) continue;
    const difference = familyDifference(other, family);
    if (difference === null) continue;
    const message = `${family.name} is also in ${placeOf(other)}, with ${difference}`;
    problems.push(report(family, message, 'make them equal, rename one, or leave one config out'));
  }
  for (const { family, histogram } of suffixClashes(byName)) {
    if (family.config === histogram.config) continue;
    const message = `${family.name} is also a series of the histogram ${histogram.name} in ${placeOf(histogram)}`;
    problems.push(report(family, message, 'rename one of them, or leave one config out'));
  }
  return problems;
}

/**
 * The same for all configs that a folder has, which need not run together: those that are on by default, and each that is off by
 * default beside them. Two that are off may be two forms of one metric.
 */
export function folderProblems(configs: readonly ProbeConfig[]): ConfigProblem[] {
  const on = configs.filter((config) => config.enabledByDefault);
  const off = configs.filter((config) => !config.enabledByDefault);
  const beside = (config: ProbeConfig): ConfigProblem[] =>
    crossConfigProblems([...on, config]).filter(({ file }) => file === config.file);
  return [...crossConfigProblems(on), ...off.flatMap(beside)];
}

function familiesOf(config: ProbeConfig): PlacedFamily[] {
  return (['counters', 'gauges', 'histograms'] as const).flatMap((list) =>
    config[list].map((metric, index) => ({ ...familyOf(metric), config, path: ['metrics', list, index, 'name'] })),
  );
}

function familyOf(metric: AnyMetricConfig): Family {
  const labels = metric.labels.map(({ name }) => name);
  const bucketLabel = metric.type === 'histogram' && metric.source.kind === 'map';
  return {
    name: metric.name,
    type: metric.type,
    help: metric.help,
    labels: keptLabels(bucketLabel ? withoutBucket(labels) : labels, metric.limits, metric.exemplar),
    buckets: metric.type === 'histogram' ? bucketText(metric) : '',
    limits: limitText(metric),
  };
}

function bucketText(histogram: HistogramConfig): string {
  const { bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier } = histogram;
  return JSON.stringify([bucketType, bucketMin, bucketMax, bucketKeys, bucketMultiplier]);
}

function limitText(metric: AnyMetricConfig): string {
  const { limits, flushIntervalMs, type, source, aggregate } = metric;
  // Series of a gauge end as its source has it.
  const gauge = type === 'gauge' ? [aggregate, source.kind === 'map', metric.windowMs] : [];
  return JSON.stringify([limits?.cap, limits?.ttlMs ?? flushIntervalMs, limits?.top, ...gauge]);
}

function placeOf(family: PlacedFamily): string {
  return `${family.config.file}:${locator(family.config)(family.path).line}`;
}

function report(family: PlacedFamily, message: string, hint: string): ConfigProblem {
  return problemAt(family.config, locator(family.config), family.path, message, hint);
}
