import type { AnyMetricConfig, ProbeConfig } from './types.js';

/** All metrics of a config, list by list as they are written. */
export function metricsOf({ counters, gauges, histograms }: ProbeConfig): AnyMetricConfig[] {
  return [...counters, ...gauges, ...histograms];
}
