import type { BpfMap, Fold } from '../../native/types.js';
import type { AnyMetricConfig } from '../../wire/config/schema.js';
import { foldedField, foldOf, isValueField, resolveValue, type ValueField } from '../../wire/layout/value.js';
import type { RisingMember } from '../source/row-tracker.js';

/** What is read of a map's values. */
export interface MapValues {
  /** Per-CPU maps: what a row's value is made of, each fold once. */
  readonly folds?: readonly Fold[];
  /** Numbers of a row's value that counters and histograms add up, so that they only rise. */
  readonly rising: readonly RisingMember[];
}

interface Number {
  readonly metric: AnyMetricConfig;
  readonly field: ValueField;
}

/** @param metrics that are made of the map; checked against its object. */
export function mapValues(metrics: readonly AnyMetricConfig[], map: BpfMap): MapValues {
  const numbers = metrics.flatMap((metric): Number[] => {
    const field = resolveValue(metric.value, map.valueLayout, map.valueSize);
    return isValueField(field) ? [{ metric, field }] : [];
  });
  const rising = numbers.filter(({ metric }) => metric.type !== 'gauge');
  if (!map.perCpu) return { rising: rising.map(({ field }) => field) };
  const folds = foldsOf(numbers);
  return { folds, rising: rising.flatMap(({ field }) => foldedField(field, 'sum', folds) ?? []) };
}

function foldsOf(numbers: readonly Number[]): Fold[] {
  const folds = numbers.map(({ metric, field }) => foldOf(field, metric.aggregate));
  return [...new Map(folds.map((fold) => [`${fold.offset} ${fold.size} ${fold.op}`, fold])).values()];
}
