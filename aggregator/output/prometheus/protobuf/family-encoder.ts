import { WireType, type BinaryWriter } from '@bufbuild/protobuf/wire';
import { doubleOf } from '../../../series/double.js';
import type { FamilyView } from '../../../series/family-view.js';
import type { NativeBuckets } from '../../../series/native.js';
import {
  FAMILY,
  familyMessage,
  HISTOGRAM,
  METRIC,
  putBucket,
  putCount,
  putDoubleField,
  putLabels,
  putValue,
  SPAN,
  within,
} from './message.js';

/** Cells that one message tells of at most, and series: what is written without a turn of the event loop. */
const SLICE_CELLS = 8192;
const SLICE_SERIES = 500;
/** Only zeros themselves count as zero; what Prometheus' own clients say, too. */
const ZERO_THRESHOLD = 2 ** -128;

/**
 * The series of one host's family as MetricFamily messages with their lengths before them, each of a slice of the series:
 * Prometheus takes several messages of one name. A series that comes meanwhile is in the next scrape.
 */
export function* familyMessages(family: FamilyView, hostLabels: Buffer): Generator<Buffer> {
  // As they were when writing began: series may end, and take new numbers in a table of their own, meanwhile.
  const { definition, table, cells, stride, size, exemplars } = family;
  const view = { definition, table, cells, stride, size, exemplars };
  const slice = Math.max(1, Math.min(SLICE_SERIES, Math.floor(SLICE_CELLS / stride)));
  for (let first = 0; first < size; first += slice) {
    const message = familyMessage(definition);
    for (let series = first; series < Math.min(first + slice, size); series++)
      putMetric(message, view, series, hostLabels);
    yield Buffer.from(message.join().finish());
  }
}

function putMetric(message: BinaryWriter, view: FamilyView, series: number, hostLabels: Buffer): void {
  const { definition, table } = view;
  const metric = within(message, FAMILY.metric);
  putLabels(metric, hostLabels, 0, hostLabels.length);
  putLabels(metric, table.arena, table.starts[series]!, table.starts[series + 1]!);
  if (definition.type === 'histogram') putHistogram(metric, view, series);
  else putValue(metric, definition.type, numberOf(view, series), view.exemplars?.get(series));
  metric.join();
}

/** A double, as the format has no other numbers: integers above 2^53 are rounded. */
function numberOf({ definition, cells }: FamilyView, cell: number): number {
  const { numbers } = definition;
  if (numbers === 'f64') return doubleOf(cells.words[cell * 2]!, cells.words[cell * 2 + 1]!);
  const value = cells.get(cell);
  return Number(numbers === 'i64' ? BigInt.asIntN(64, value) : value);
}

function putHistogram(
  metric: BinaryWriter,
  { definition, cells, stride, exemplars }: FamilyView,
  series: number,
): void {
  const { count, bounds, multiplier, native } = definition.buckets!;
  const first = series * stride;
  const valueAt = (cell: number): bigint => cells.get(first + cell);
  const histogram = within(metric, METRIC.histogram);
  let total = 0n;
  for (let bucket = 0; bucket < count; bucket++) {
    total += valueAt(bucket);
    putBucket(histogram, Number(bounds[bucket]), total, exemplars?.get(first + bucket));
  }
  total += valueAt(count);
  // The last bucket is the count, and only written for its exemplar.
  const last = exemplars?.get(first + count);
  if (last !== undefined) putBucket(histogram, Infinity, total, last);
  putCount(histogram, HISTOGRAM.sampleCount, total);
  putDoubleField(histogram, HISTOGRAM.sampleSum, Number(valueAt(count + 1)) * multiplier);
  if (native !== undefined) putNative(histogram, native, valueAt);
  histogram.join();
}

function putNative(histogram: BinaryWriter, native: NativeBuckets, valueAt: (cell: number) => bigint): void {
  const { schema, zeroCell, firstCell, firstIndex, count } = native;
  const zeros = zeroCell < 0 ? 0n : valueAt(zeroCell);
  histogram.tag(HISTOGRAM.schema, WireType.Varint).sint32(schema);
  putDoubleField(histogram, HISTOGRAM.zeroThreshold, ZERO_THRESHOLD);
  putCount(histogram, HISTOGRAM.zeroCount, zeros);
  const deltas: bigint[] = [];
  // Where the last span ended: the offset of the next counts from there, that of the first from index 0.
  let spanEnd = 0;
  let before = 0n;
  for (let bucket = 0; bucket < count; bucket++) {
    const start = bucket;
    for (let value = 0n; bucket < count && (value = valueAt(firstCell + bucket)) > 0n; bucket++) {
      deltas.push(value - before);
      before = value;
    }
    if (bucket === start) continue;
    putSpan(histogram, firstIndex + start - spanEnd, bucket - start);
    spanEnd = firstIndex + bucket;
  }
  // With neither a span nor zeros it would be taken for a classic one.
  if (deltas.length === 0 && zeros === 0n) putSpan(histogram, 0, 0);
  for (const delta of deltas) histogram.tag(HISTOGRAM.positiveDelta, WireType.Varint).sint64(delta);
}

function putSpan(histogram: BinaryWriter, offset: number, length: number): void {
  const span = within(histogram, HISTOGRAM.positiveSpan);
  span.tag(SPAN.offset, WireType.Varint).sint32(offset);
  span.tag(SPAN.length, WireType.Varint).uint32(length);
  span.join();
}
