import { COMMANDS, COMMAND_LABELS, SIZE_BUCKETS, type EventTotals } from './event-model.js';
import { goNumber, type HistogramModel } from './map-model.js';
import type { SimulatedMap } from './simulated-map.js';
import type { Labels } from './text.js';

/** One sample of an exposition, as it has to be. */
export interface TruthLine {
  readonly metric: string;
  readonly labels: Labels;
  /** Decimal. */
  readonly value: string;
}

/** Samples of a map's metric, by plain sums over equal labels. `host` are the labels that all series of the host have. */
export function* mapTruth(map: SimulatedMap, prefix: string, host: Labels): Generator<TruthLine> {
  const { model } = map;
  const metric = prefix + model.name;
  const series = new Map<string, bigint[]>();
  for (const [key, value] of map.totals()) {
    const name = JSON.stringify(model.labels(key));
    const cells = series.get(name) ?? new Array<bigint>(model.histogram?.bounds.length ?? 0).fill(0n).concat(0n);
    series.set(name, cells);
    const cell = model.histogram?.bucketOf(key) ?? 0;
    cells[cell] = BigInt.asUintN(64, cells[cell]! + value);
  }
  for (const [name, cells] of series) {
    const labels = { ...host, ...(JSON.parse(name) as Labels) };
    if (model.histogram === undefined) yield { metric, labels, value: String(cells[0]) };
    else yield* histogramLines(metric, labels, cells, model.histogram);
  }
}

/** Samples of the metrics of `sim-events`. */
export function* eventTruth(totals: EventTotals, prefix: string, host: Labels): Generator<TruthLine> {
  const bounds = Array.from({ length: SIZE_BUCKETS - 1 }, (_, bucket) => goNumber(2 ** bucket));
  for (let kind = 0; kind < totals.kinds; kind++) {
    const counts = totals.counts.subarray(kind * COMMANDS, (kind + 1) * COMMANDS);
    const byCommand = new Map<string, number>();
    counts.forEach((count, i) => {
      if (count > 0) byCommand.set(COMMAND_LABELS[i]!, (byCommand.get(COMMAND_LABELS[i]!) ?? 0) + count);
    });
    if (byCommand.size === 0) continue;
    const labels = { ...host, kind: String(kind) };
    for (const [command, count] of byCommand) {
      yield { metric: `${prefix}sim_events_total`, labels: { ...labels, command }, value: String(count) };
    }
    yield { metric: `${prefix}sim_event_load`, labels, value: String(totals.loads[kind]) };
    const buckets = totals.buckets.subarray(kind * SIZE_BUCKETS, (kind + 1) * SIZE_BUCKETS);
    const above = BigInt(buckets[SIZE_BUCKETS - 1]!);
    const cells = [...buckets.subarray(0, SIZE_BUCKETS - 1)].map(BigInt).concat(totals.sums[kind]!);
    yield* histogramLines(`${prefix}sim_event_size_bytes`, labels, cells, { bounds, multiplier: 1 }, above);
  }
}

/** `cells`: a bucket each, then the sum. `above`: what is in no bucket but +Inf. */
function* histogramLines(
  metric: string,
  labels: Labels,
  cells: readonly bigint[],
  { bounds, multiplier }: Pick<HistogramModel, 'bounds' | 'multiplier'>,
  above = 0n,
): Generator<TruthLine> {
  let count = 0n;
  for (const [bucket, le] of bounds.entries()) {
    count += cells[bucket]!;
    yield { metric: `${metric}_bucket`, labels: { ...labels, le }, value: String(count) };
  }
  count += above;
  const sum = cells[bounds.length]!;
  yield { metric: `${metric}_bucket`, labels: { ...labels, le: '+Inf' }, value: String(count) };
  yield { metric: `${metric}_count`, labels, value: String(count) };
  yield {
    metric: `${metric}_sum`,
    labels,
    value: multiplier === 1 ? String(sum) : goNumber(Number(sum) * multiplier),
  };
}
