import type { ExemplarConfig, LimitsConfig } from './types.js';

/** What makes a metric family: one name has one of these, in a file and over all configs that run together. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** As exported: without a histogram's bucket label, and without what its limits drop. */
  readonly labels: readonly string[];
  /** Histograms: their buckets as text, since equal series are added bucket by bucket; '' for others. */
  readonly buckets: string;
  /** How many series there may be, and for how long; as text. */
  readonly limits: string;
}

/** Names of the series that Prometheus makes of a histogram. */
const HISTOGRAM_SUFFIXES = ['_bucket', '_sum', '_count'] as const;

/**
 * Position of the label that is the bucket, in a histogram read from a map: the last, or the one before a last label
 * `cpu`, which splits the histogram by CPU. -1 without labels.
 */
export function bucketIndex(labels: readonly string[]): number {
  return labels.length > 1 && labels.at(-1) === 'cpu' ? labels.length - 2 : labels.length - 1;
}

/** The labels that are exported: all but the bucket. */
export function withoutBucket(labels: readonly string[]): string[] {
  return labels.toSpliced(bucketIndex(labels), 1);
}

/** The labels that `limits` leave, and that are not an exemplar's: a series for each trace is what nobody wants. */
export function keptLabels(
  labels: readonly string[],
  limits: Partial<LimitsConfig> | undefined,
  exemplar: Partial<ExemplarConfig> | undefined,
): string[] {
  const { keep = [], drop = [] } = limits ?? {};
  const { traceId, spanId } = exemplar ?? {};
  const isKept = (name: string): boolean => (keep.length === 0 || keep.includes(name)) && !drop.includes(name);
  return labels.filter((name) => isKept(name) && name !== traceId && name !== spanId);
}

/** How the second differs from the first, as `another type (a counter there, a gauge here)`; null when it does not. */
export function familyDifference(first: Family, second: Family): string | null {
  if (first.type !== second.type) return `another type (a ${first.type} there, a ${second.type} here)`;
  if (first.help !== second.help) return 'another help text';
  const [labels, others] = [labelText(first), labelText(second)];
  if (labels !== others) return `other labels (${labels} there, ${others} here)`;
  if (first.buckets !== second.buckets) return 'other buckets';
  return first.limits === second.limits ? null : 'other limits';
}

/** Families whose names are taken by a histogram's series, each with that histogram. */
export function suffixClashes<F extends Family>(families: ReadonlyMap<string, F>): { family: F; histogram: F }[] {
  return [...families.values()]
    .filter(({ type }) => type === 'histogram')
    .flatMap((histogram) =>
      HISTOGRAM_SUFFIXES.flatMap((suffix) => {
        const family = families.get(histogram.name + suffix);
        return family === undefined ? [] : [{ family, histogram }];
      }),
    );
}

function labelText(family: Family): string {
  return family.labels.length === 0 ? 'none' : [...family.labels].sort().join(', ');
}
