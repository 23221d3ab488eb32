import type { AnyMetricConfig } from '../../wire/config/schema.js';

/** How many series a family may have, and for how long. */
export interface FamilyLimits {
  /** Series at most; what comes beyond goes to one series whose labels all say `other`. */
  readonly cap: number;
  /**
   * Milliseconds of frame time after which a series ends whose rows have all vanished, or that no event has fed. 0: a gauge of
   * a map, whose series end with their rows.
   */
  readonly ttlMs?: number;
  /** Only the largest series are shown, this many; the rest as `other`. */
  readonly top?: number;
  /** A gauge whose rows or events are not added up, so that its series cannot be either, and one that ends is gone. */
  readonly keepsLast?: boolean;
  /** A gauge that shows the least or the greatest value of late: milliseconds of frame time of a window. */
  readonly windowMs?: number;
}

/** The aggregator's own limits for the metrics of a name, as the settings have them. */
export interface MetricLimits {
  /** A metric's name, with or without the prefix; `*` stands for any characters. */
  readonly metric: string;
  readonly cap?: number | undefined;
  /** Milliseconds. */
  readonly ttl?: number | undefined;
  readonly top?: number | undefined;
}

export interface LimitSettings {
  /** Put before every metric name of a config. */
  readonly metricPrefix: string;
  /** Series of one metric of one host, whatever its limits say. */
  readonly maxSeriesPerMetric: number;
  /** The first entry that fits a metric's name counts. */
  readonly limits?: readonly MetricLimits[];
}

/** Series that are held for each that `top` shows: one that is not among the largest today may be tomorrow. */
const CANDIDATES_PER_SHOWN = 10;
const LEAST_CANDIDATES = 10_000;

/** What bounds a metric: what its config says, and what the settings say for its name where the config is silent. */
export function limitsOf(metric: AnyMetricConfig, settings: LimitSettings): FamilyLimits {
  const { metricPrefix, maxSeriesPerMetric, limits = [] } = settings;
  const fallback = limits.find(({ metric: pattern }) => {
    const glob = globOf(pattern);
    return glob.test(metric.name) || glob.test(metricPrefix + metric.name);
  });
  const top = metric.limits?.top ?? fallback?.top;
  const followsRows = metric.type === 'gauge' && metric.source.kind === 'map';
  const windowMs = metric.type === 'gauge' ? metric.windowMs : undefined;
  const ttlMs = followsRows ? 0 : (metric.limits?.ttlMs ?? metric.flushIntervalMs ?? fallback?.ttl);
  const candidates = top === undefined ? Infinity : Math.max(LEAST_CANDIDATES, top * CANDIDATES_PER_SHOWN);
  const cap = metric.limits?.cap ?? fallback?.cap ?? candidates;
  return {
    cap: Math.min(cap, maxSeriesPerMetric),
    // Without an event in its windows a series ends anyway.
    ...(windowMs === undefined ? ttlMs !== undefined && { ttlMs } : { windowMs }),
    ...(top !== undefined && { top }),
    ...(metric.aggregate !== 'sum' && { keepsLast: true }),
  };
}

export function sameLimits(one: FamilyLimits, other: FamilyLimits): boolean {
  return (['cap', 'ttlMs', 'top', 'keepsLast', 'windowMs'] as const).every((key) => one[key] === other[key]);
}

export function globOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[^\w:]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
