import { doubleOf } from '../../series/double.js';
import type { FamilyView } from '../../series/family-view.js';
import { formatFloat, writeI64, writeText, writeU64 } from '../prometheus/number.js';
import type { PointBuffer } from './point-buffer.js';
import type { SeriesHeads } from './series-heads.js';
import type { Thinning } from './thinning.js';

/** Above: InfluxDB 1.x has no unsigned integers. */
const BEYOND_I64 = 2 ** 31;
/** Longest number, its field's punctuation and mark. */
const NUMBER_ROOM = 32;
const INTEGER_MARK = 0x69;
const COMMA = 0x2c;

/** Reasons for which a point is refused here. */
export const BEYOND_INT64 = 'beyond_int64';
export const NOT_FINITE = 'not_finite';

export interface FamilyPointsOptions {
  /** What was written last; without it all series are written. */
  readonly thinning?: Thinning | undefined;
  /** After this time also a series that has not changed is written. */
  readonly heartbeatMs?: number;
}

/**
 * Writes the series of one host's metric as points. The type of a field follows from the metric's definition alone, so it never
 * changes while the metric is the same.
 */
export class FamilyPoints {
  /** As it was when writing began: series may end, and take new numbers in a table of their own, meanwhile. */
  readonly #family: FamilyView;
  readonly #heads: SeriesHeads;
  readonly #bucketFields: readonly Buffer[];
  /** ` <time>\n`. */
  readonly #tail: Buffer;
  readonly #room: number;
  readonly #timeMs: number;
  readonly #options: FamilyPointsOptions;
  #next = 0;

  /** @param timeNs since 1970, of all points. */
  constructor(family: FamilyView, heads: SeriesHeads, timeNs: bigint, options: FamilyPointsOptions = {}) {
    const { definition, table, cells, stride, size } = family;
    this.#family = { definition, table, cells, stride, size };
    this.#heads = heads;
    this.#options = options;
    this.#timeMs = Number(timeNs / 1_000_000n);
    this.#bucketFields = definition.buckets?.bounds.map((bound) => Buffer.from(`le_${bound}=`)) ?? [];
    this.#tail = Buffer.from(` ${timeNs}\n`);
    const fields = this.#bucketFields.reduce((sum, { length }) => sum + length + NUMBER_ROOM, 3 * NUMBER_ROOM);
    this.#room = fields + this.#tail.length;
  }

  /** Looks at `count` series at most, and writes no more than make the buffer full. False when all are done with. */
  write(buffer: PointBuffer, count: number): boolean {
    const until = Math.min(this.#next + count, this.#family.size);
    this.#heads.extend(this.#family.table, until);
    const isHistogram = this.#family.definition.buckets !== undefined;
    for (; this.#next < until && !buffer.isFull; this.#next++) {
      if (!this.#isDue(this.#next)) continue;
      if (isHistogram) this.#histogram(buffer, this.#next);
      else this.#number(buffer, this.#next);
    }
    return this.#next < this.#family.size;
  }

  #isDue(series: number): boolean {
    const { thinning, heartbeatMs = 0 } = this.#options;
    const { cells, stride } = this.#family;
    return thinning === undefined || thinning.isDue(series, cells, stride, this.#timeMs, heartbeatMs);
  }

  /** `value=`. */
  #number(buffer: PointBuffer, series: number): void {
    const { words } = this.#family.cells;
    const { numbers = 'u64' } = this.#family.definition;
    const [lo, hi] = [words[series * 2]!, words[series * 2 + 1]!];
    let at = writeText(buffer.bytes, this.#head(buffer, series), 'value=');
    const out = buffer.bytes;
    let refusal: string | undefined;
    if (numbers === 'f64') {
      const value = doubleOf(lo, hi);
      if (!Number.isFinite(value)) refusal = NOT_FINITE;
      at = writeText(out, at, formatFloat(value));
    } else {
      if (numbers === 'u64' && hi >= BEYOND_I64) refusal = BEYOND_INT64;
      at = numbers === 'u64' ? writeU64(out, at, lo, hi) : writeI64(out, at, lo, hi);
      out[at++] = INTEGER_MARK;
    }
    this.#end(buffer, at, refusal);
  }

  /** `count=`, `sum=`, and the buckets, cumulative. */
  #histogram(buffer: PointBuffer, series: number): void {
    const { cells, stride, definition } = this.#family;
    const { count, multiplier } = definition.buckets!;
    const { words } = cells;
    const first = series * stride;
    let at = this.#head(buffer, series);
    const out = buffer.bytes;
    let [lo, hi] = [0, 0];
    for (let bucket = 0; bucket <= count; bucket++) {
      const low = lo + words[(first + bucket) * 2]!;
      lo = low >>> 0;
      hi = (hi + words[(first + bucket) * 2 + 1]! + (low > 0xffffffff ? 1 : 0)) >>> 0;
      // All of them together, +Inf included, are the count.
      at = bucket < count ? copy(out, at, this.#bucketFields[bucket]!) : writeText(out, at, 'count=');
      at = writeU64(out, at, lo, hi);
      out[at++] = INTEGER_MARK;
      out[at++] = COMMA;
    }
    const sum = first + count + 1;
    at = writeText(out, at, 'sum=');
    const isScaled = multiplier !== 1;
    if (isScaled) at = writeText(out, at, formatFloat(Number(cells.get(sum)) * multiplier));
    else {
      at = writeU64(out, at, words[sum * 2]!, words[sum * 2 + 1]!);
      out[at++] = INTEGER_MARK;
    }
    const isBeyond = hi >= BEYOND_I64 || (!isScaled && words[sum * 2 + 1]! >= BEYOND_I64);
    this.#end(buffer, at, isBeyond ? BEYOND_INT64 : undefined);
  }

  /** Makes room for the line, and writes what stands before its fields. */
  #head(buffer: PointBuffer, series: number): number {
    const { arena, starts } = this.#heads;
    const [from, to] = [starts[series]!, starts[series + 1]!];
    buffer.reserve(to - from + this.#room);
    const out = buffer.bytes;
    let at = buffer.at;
    for (let i = from; i < to; i++) out[at++] = arena[i]!;
    return at;
  }

  #end(buffer: PointBuffer, at: number, refusal: string | undefined): void {
    const end = copy(buffer.bytes, at, this.#tail);
    if (refusal === undefined) buffer.put(end);
    else buffer.refuse(end, refusal);
  }
}

/** Faster than `set` for so few bytes. */
function copy(out: Uint8Array, at: number, bytes: Buffer): number {
  for (let i = 0; i < bytes.length; i++) out[at + i] = bytes[i]!;
  return at + bytes.length;
}
