import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Exemplar } from '../../../series/exemplars.js';
import type { FamilyType } from '../../../series/family.js';

/**
 * Field numbers of `io.prometheus.client` (metrics.proto), which Prometheus scrapes. Written field by field, without an object
 * for each series, because that is most of what there is to write.
 */
export const FAMILY = { name: 1, help: 2, type: 3, metric: 4 } as const;
export const METRIC = { label: 1, gauge: 2, counter: 3, histogram: 7 } as const;
export const HISTOGRAM = {
  sampleCount: 1,
  sampleSum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  positiveSpan: 12,
  positiveDelta: 13,
} as const;
export const BUCKET = { cumulativeCount: 1, upperBound: 2, exemplar: 3 } as const;
const COUNTER = { exemplar: 2 } as const;
const EXEMPLAR = { value: 2, timestamp: 3 } as const;
const TIMESTAMP = { seconds: 1, nanos: 2 } as const;
export const SPAN = { offset: 1, length: 2 } as const;
/** Of the messages Counter and Gauge. */
const VALUE = 1;
const LABEL = { name: 1, value: 2 } as const;
const TYPE: Record<FamilyType, number> = { counter: 0, gauge: 1, histogram: 4 };

export interface Head {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
}

/** Begins a MetricFamily with its length before it; `join` of the writer ends it. */
export function familyMessage({ name, help, type }: Head): BinaryWriter {
  const writer = new BinaryWriter().fork();
  writer.tag(FAMILY.name, WireType.LengthDelimited).string(name);
  writer.tag(FAMILY.help, WireType.LengthDelimited).string(help);
  return writer.tag(FAMILY.type, WireType.Varint).int32(TYPE[type]);
}

/** Begins a message that is a field of another; `join` of the writer ends it. */
export function within(writer: BinaryWriter, field: number): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).fork();
}

export function putDoubleField(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Bit64).double(value);
}

export function putCount(writer: BinaryWriter, field: number, value: bigint): void {
  writer.tag(field, WireType.Varint).uint64(value);
}

/** The value of a counter or gauge. @param exemplar of counters only. */
export function putValue(writer: BinaryWriter, type: 'counter' | 'gauge', value: number, exemplar?: Exemplar): void {
  const number = within(writer, METRIC[type]);
  putDoubleField(number, VALUE, value);
  if (exemplar !== undefined) putExemplar(number, COUNTER.exemplar, exemplar);
  number.join();
}

/** A bucket of a classic histogram. */
export function putBucket(
  writer: BinaryWriter,
  upperBound: number,
  cumulativeCount: bigint,
  exemplar?: Exemplar,
): void {
  const bucket = within(writer, HISTOGRAM.bucket);
  putCount(bucket, BUCKET.cumulativeCount, cumulativeCount);
  putDoubleField(bucket, BUCKET.upperBound, upperBound);
  if (exemplar !== undefined) putExemplar(bucket, BUCKET.exemplar, exemplar);
  bucket.join();
}

export function putExemplar(writer: BinaryWriter, field: number, { labels, value, timeMs }: Exemplar): void {
  const exemplar = within(writer, field);
  putLabels(exemplar, labels, 0, labels.length);
  putDoubleField(exemplar, EXEMPLAR.value, value);
  const timestamp = within(exemplar, EXEMPLAR.timestamp);
  timestamp.tag(TIMESTAMP.seconds, WireType.Varint).int64(Math.floor(timeMs / 1000));
  timestamp.tag(TIMESTAMP.nanos, WireType.Varint).int32((timeMs % 1000) * 1e6);
  timestamp.join();
  exemplar.join();
}

/** A label of a metric or of an exemplar, which have the same number for it. */
export function putLabel(writer: BinaryWriter, name: Uint8Array, value: Uint8Array): void {
  const label = within(writer, METRIC.label);
  label.tag(LABEL.name, WireType.LengthDelimited).bytes(name);
  label.tag(LABEL.value, WireType.LengthDelimited).bytes(value).join();
}

const [QUOTE, COMMA, EQUALS, BACKSLASH, LETTER_N, NEWLINE] = [0x22, 0x2c, 0x3d, 0x5c, 0x6e, 0x0a];

/** The labels of `text[at..end)`, written like `a="x",b="y"`. */
export function putLabels(writer: BinaryWriter, text: Uint8Array, at: number, end: number): void {
  while (at < end) {
    const equals = text.indexOf(EQUALS, at);
    const name = text.slice(at, equals);
    const from = equals + 2;
    let isEscaped = false;
    for (at = from; text[at] !== QUOTE; at++) {
      if (text[at] !== BACKSLASH) continue;
      isEscaped = true;
      at++;
    }
    putLabel(writer, name, isEscaped ? unescaped(text.subarray(from, at)) : text.slice(from, at));
    if (text[++at] === COMMA) at++;
  }
}

function unescaped(text: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== BACKSLASH) bytes.push(text[at]!);
    else if (text[++at] === LETTER_N) bytes.push(NEWLINE);
    else bytes.push(text[at]!);
  }
  return Uint8Array.from(bytes);
}
