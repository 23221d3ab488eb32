import { KeyTable, NONE } from '../../lib/key-table.js';
import type { Aggregate } from '../../wire/config/schema.js';
import type { Field } from '../../wire/layout/fields.js';
import type { ValueField } from '../../wire/layout/value.js';
import { DecodeError, type DecodeContext } from '../decode/decoder.js';
import { eventSink, type EventSink } from './event-sink.js';
import { ExemplarReader, type ExemplarFields } from './exemplar-reader.js';
import type { Family } from './family.js';
import type { RecordColumns } from './record-columns.js';
import { RecordKey } from './record-key.js';
import { RecordValue } from './record-value.js';
import { decisiveLabels, SeriesDecoder } from './series-decoder.js';

/** Bytes that the known keys of one metric may take; beyond, all are forgotten, and decoded again as they come. */
const MAX_KEY_BYTES = 4 * 1024 * 1024;
/** Bytes of a key in the table's index, at its emptiest. */
const INDEX_BYTES = 64;

/** What has become of a record for a metric, as bits: one record may feed several metrics. */
export const COUNTED = 1;
export const FAILED = 2;

/** Instead of a series: a decoder skips the record, or the labels cannot be decoded. */
const SKIPPED_SERIES = 0xffffffff;
const FAILED_SERIES = 0xfffffffe;

export interface EventSource {
  /** Where the labels are in a record. */
  readonly labels: readonly Field[];
  /** What of it is counted; null: 1. */
  readonly value: ValueField | null;
  /** Of gauges; others add up. */
  readonly aggregate: Aggregate;
  /** Where the ids of exemplars are in a record. */
  readonly exemplar?: ExemplarFields | undefined;
  /** Byte order of the records. */
  readonly littleEndian: boolean;
  /** Told when the known keys were forgotten, because they had become too many. */
  readonly onForgotten?: (() => void) | undefined;
  /** Told of an exemplar that was left out, because its ids cannot be decoded or are too long. */
  readonly onExemplarRefused?: (() => void) | undefined;
}

/**
 * One metric that is fed by the records of a buffer. Labels are decoded once for each key, not for each record: the bytes of
 * all label fields lead to the series. What it does follows from the records and the facts alone: that a key is known spares
 * the decoding, and nothing else.
 */
export class EventState {
  readonly family: Family;
  readonly #source: EventSource;
  readonly #labels: SeriesDecoder;
  readonly #key: RecordKey;
  readonly #value: RecordValue | null;
  readonly #sink: EventSink;
  readonly #exemplars: ExemplarReader | undefined;
  /** Length of a record that has all that is read of it. */
  readonly #minLength: number;
  readonly #maxKeys: number;
  /** Series by key. */
  #known: KeyTable;
  /** Revision of the facts that the known keys were decoded with. */
  #revision = 0;

  constructor(family: Family, source: EventSource) {
    const { labels, value, exemplar, littleEndian } = source;
    if (exemplar !== undefined) family.keepExemplars();
    this.family = family;
    this.#source = source;
    this.#labels = new SeriesDecoder(family, labels);
    this.#key = new RecordKey(decisiveLabels(family, labels));
    this.#value = value === null ? null : new RecordValue(value, littleEndian);
    this.#sink = eventSink(family, source.aggregate);
    this.#exemplars =
      exemplar === undefined ? undefined : new ExemplarReader(exemplar, () => source.onExemplarRefused?.());
    this.#minLength = Math.max(0, ...[...labels, ...(value === null ? [] : [value])].map((f) => f.offset + f.size));
    this.#known = this.#noKeys();
    this.#maxKeys = Math.floor(MAX_KEY_BYTES / (this.#known.stride * 4 + INDEX_BYTES));
  }

  /** Applies records, and adds to `outcomes` what became of each. */
  apply({ data, view, lengths }: RecordColumns, context: DecodeContext, outcomes: Uint8Array): void {
    if (this.#revision !== context.facts.revision) {
      this.#known = this.#noKeys();
      this.#revision = context.facts.revision;
    }
    let at = 0;
    for (let i = 0; i < lengths.length; i++) {
      const length = lengths[i]!;
      outcomes[i]! |= length < this.#minLength ? FAILED : this.#take(data, view, at, context);
      at += (length + 7) & ~7;
    }
  }

  /** The family's series have new numbers, or there is room for more. */
  forget(): void {
    this.#known = this.#noKeys();
  }

  #take(data: Uint8Array, view: DataView, at: number, context: DecodeContext): number {
    const value = this.#value;
    if (value !== null) {
      value.read(view, at);
      if (!this.#sink.takes(value)) return FAILED;
    }
    this.#key.load(view, at);
    const id = this.#known.find(this.#key.words, 0);
    const series =
      id === NONE ? this.#decode(data, at, context) : this.#known.records[id * this.#known.stride + this.#known.extra]!;
    if (series >= FAILED_SERIES) return series === FAILED_SERIES ? FAILED : 0;
    const cell = this.#sink.count(series, value);
    if (this.#exemplars !== undefined) this.#takeExemplar(this.#exemplars, cell, data, at, context);
    this.family.touch(series);
    return COUNTED;
  }

  /** At most one a second for each cell: decoded at once, and not for each record. */
  #takeExemplar(reader: ExemplarReader, cell: number, data: Uint8Array, at: number, context: DecodeContext): void {
    const { exemplars, definition } = this.family;
    if (exemplars?.isDue(cell) !== true) return;
    const labels = reader.read(data, at, context);
    if (labels === null) return;
    const value = this.#value === null ? 1 : this.#value.hi * 2 ** 32 + this.#value.lo;
    exemplars.put(cell, labels, value * (definition.buckets?.multiplier ?? 1));
  }

  /** The series of a record whose key is not known, which it is from now on. */
  #decode(data: Uint8Array, at: number, context: DecodeContext): number {
    const { facts } = context;
    const { misses } = facts;
    const { overflowed } = this.family;
    const series = this.#seriesOf(data, at, context);
    // What the host may yet tell is asked for again; what goes to the overflow series is counted again.
    if (facts.misses !== misses || this.family.overflowed !== overflowed) return series;
    if (this.#known.size >= this.#maxKeys) {
      this.#known = this.#noKeys();
      this.#source.onForgotten?.();
    }
    const id = this.#known.add(this.#key.words, 0);
    this.#known.records[id * this.#known.stride + this.#known.extra] = series;
    return series;
  }

  #seriesOf(data: Uint8Array, at: number, context: DecodeContext): number {
    try {
      return this.#labels.decode(data, at, context) ? this.#labels.series() : SKIPPED_SERIES;
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof RangeError)) throw error;
      return FAILED_SERIES;
    }
  }

  #noKeys(): KeyTable {
    return new KeyTable(this.#key.words.length * 4, 1);
  }
}
