import { Facts } from '../../aggregator/decode/facts.js';
import type { DecodeContext } from '../../aggregator/decode/decoder.js';
import { bucketsOf, type BucketSpec } from '../../aggregator/series/buckets.js';
import { EventState } from '../../aggregator/series/event-state.js';
import type { Numbers } from '../../aggregator/series/cells.js';
import type { ExemplarFields } from '../../aggregator/series/exemplar-reader.js';
import type { FrameClock } from '../../aggregator/series/expiry.js';
import { Family, type FamilyType } from '../../aggregator/series/family.js';
import type { FamilyLimits } from '../../aggregator/series/limits.js';
import { recordColumns, type RecordColumns } from '../../aggregator/series/record-columns.js';
import { FamilyWriter, type Format } from '../../aggregator/output/prometheus/family-writer.js';
import { packU32 } from '../../wire/frame.js';
import type { Aggregate, DecoderConfig } from '../../wire/config/schema.js';
import type { Field } from '../../wire/layout/fields.js';
import type { ValueField } from '../../wire/layout/value.js';

/** Records as a buffer hands them over. */
export function packRecords(records: readonly Uint8Array[]): { data: Uint8Array; lengths: Uint8Array } {
  const starts: number[] = [];
  let bytes = 0;
  for (const { length } of records) {
    starts.push(bytes);
    bytes += Math.ceil(length / 8) * 8;
  }
  // Not aligned, as within a frame.
  const data = new Uint8Array(bytes + 3).subarray(3);
  records.forEach((record, i) => data.set(record, starts[i]));
  return { data, lengths: packU32(Uint32Array.from(records, ({ length }) => length)) };
}

export function columnsOf(...records: readonly Uint8Array[]): RecordColumns {
  return recordColumns(packRecords(records));
}

export function field(name: string, offset: number, size: number, ...decoders: Partial<DecoderConfig>[]): Field {
  const chain = decoders.length > 0 ? decoders : [{ name: 'uint' } as const];
  return {
    name,
    offset,
    size,
    type: null,
    decoders: chain.map((one) => ({ allowUnknown: false, regexps: [], name: 'uint', ...one })),
  };
}

export interface EventMetricOptions {
  readonly name?: string;
  readonly type?: FamilyType;
  readonly labels?: readonly Field[];
  readonly value?: ValueField | null;
  readonly aggregate?: Aggregate;
  readonly buckets?: Partial<BucketSpec>;
  readonly numbers?: Numbers;
  readonly littleEndian?: boolean;
  readonly maxSeries?: number;
  readonly limits?: Partial<FamilyLimits>;
  /** Labels that the family has (default: all). */
  readonly kept?: readonly string[];
  readonly exemplar?: ExemplarFields;
}

/** One metric fed by events, without a host around it. */
export class EventMetric {
  readonly family: Family;
  readonly state: EventState;
  readonly context: DecodeContext;
  readonly clock: FrameClock = { nowMs: 0 };
  forgotten = 0;
  exemplarsRefused = 0;

  constructor(options: EventMetricOptions = {}) {
    const { type = 'counter', labels = [], value = null, littleEndian = true, buckets, numbers } = options;
    const spec = { bucketType: 'exp2', bucketMin: 0, bucketMax: 3, bucketKeys: [], bucketMultiplier: 1 } as const;
    this.family = new Family(
      {
        name: options.name ?? 'm',
        help: 'h',
        type,
        labels: options.kept ?? labels.map(({ name }) => name),
        ...(type === 'histogram' && { buckets: bucketsOf({ ...spec, ...buckets }) }),
        ...(numbers !== undefined && { numbers }),
      },
      { cap: options.maxSeries ?? 1_000_000, ...options.limits },
      this.clock,
    );
    this.context = { facts: new Facts(10), littleEndian, arch: 'x86_64' };
    this.state = new EventState(this.family, {
      labels,
      value,
      aggregate: options.aggregate ?? 'sum',
      littleEndian,
      exemplar: options.exemplar,
      onForgotten: () => this.forgotten++,
      onExemplarRefused: () => this.exemplarsRefused++,
    });
  }

  /** Time passes, and a frame has been applied. */
  settle(nowMs: number): void {
    this.clock.nowMs = nowMs;
    if (this.family.settle() !== undefined) this.state.forget();
  }

  /** Applies records; what became of each. */
  take(...records: readonly Uint8Array[]): number[] {
    const outcomes = new Uint8Array(records.length);
    this.state.apply(columnsOf(...records), this.context, outcomes);
    return [...outcomes];
  }

  /** What is exposed, without the head. */
  text(format: Format = 'text'): string {
    const writer = new FamilyWriter(this.family.view(), undefined, undefined, format);
    let text = '';
    for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) text += chunk.toString();
    return text;
  }
}
