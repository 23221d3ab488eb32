import type { FamilyView } from '../../../series/family-view.js';
import { WRITE_NUMBER } from '../family-writer.js';
import { formatFloat, writeText } from '../number.js';
import { satisfies, type Condition } from './condition.js';

/** What of a family is a series to Prometheus. */
export type Part = 'value' | 'bucket' | 'sum' | 'count';

/** Series that are looked at before the event loop may have its turn. */
const SERIES_A_TURN = 512;
/** Bytes that a line takes beside its labels and its bound. */
const LINE_ROOM = 128;
const COMMA = 0x2c;
const OPEN = 0x7b;

export interface LinesOptions {
  readonly view: FamilyView;
  readonly part: Part;
  readonly name: string;
  /** `a="x"`, put before the labels of each series. */
  readonly common: Buffer;
  readonly conditions: readonly Condition[];
  readonly timeMs: bigint;
}

/** Writes the lines `name{labels} value time` of those series of a family that one of the conditions asks for. */
export class SeriesLines {
  readonly #options: LinesOptions;
  /** Its parts as they were when writing began: series may end, and take new numbers in a table of their own, meanwhile. */
  readonly #view: FamilyView;
  readonly #head: Buffer;
  readonly #tail: Buffer;
  readonly #bounds: readonly Buffer[];
  #out = Buffer.alloc(32 * 1024);
  #at = 0;
  /** Running total of a histogram's buckets. */
  #lo = 0;
  #hi = 0;

  constructor(options: LinesOptions) {
    const { name, common, timeMs, view, part } = options;
    this.#options = options;
    const { definition, table, cells, stride, size } = view;
    this.#view = { definition, table, cells, stride, size };
    this.#head = Buffer.concat([Buffer.from(`${name}{`), common]);
    this.#tail = Buffer.from(` ${timeMs}\n`);
    const bounds = part === 'bucket' ? [...view.definition.buckets!.bounds, '+Inf'] : [];
    this.#bounds = bounds.map((bound) => Buffer.from(`le="${bound}"`));
  }

  /** The lines in chunks, which may be empty. */
  *chunks(): Generator<Buffer> {
    const { table, size } = this.#view;
    for (let series = 0; series < size;) {
      // Anew for each turn: the table may have grown.
      const { arena, starts } = table;
      const texts = Buffer.from(arena.buffer, arena.byteOffset, arena.length);
      this.#at = 0;
      for (const end = Math.min(size, series + SERIES_A_TURN); series < end; series++) {
        this.#series(series, texts, starts[series]!, starts[series + 1]!);
      }
      yield Buffer.from(this.#out.subarray(0, this.#at));
    }
  }

  #series(series: number, texts: Buffer, from: number, to: number): void {
    const { conditions, part } = this.#options;
    const { cells, stride } = this.#view;
    const cell = series * stride;
    if (part === 'bucket') return this.#buckets(cell, texts, from, to);
    if (!conditions.some((condition) => satisfies(condition, texts, from, to))) return;
    this.#line(texts, from, to);
    if (part === 'sum') this.#sum(cell);
    else if (part === 'count') this.#count(cell);
    else this.#end(cells.words[cell * 2]!, cells.words[cell * 2 + 1]!);
  }

  #buckets(cell: number, texts: Buffer, from: number, to: number): void {
    const asking = this.#options.conditions.filter((condition) => satisfies(condition, texts, from, to));
    if (asking.length === 0) return;
    this.#lo = 0;
    this.#hi = 0;
    for (const [bucket, bound] of this.#bounds.entries()) {
      this.#add(cell + bucket);
      if (!asking.some(({ bounds }) => bounds?.[bucket] !== false)) continue;
      this.#line(texts, from, to, bound);
      this.#end(this.#lo, this.#hi);
    }
  }

  #count(cell: number): void {
    this.#lo = 0;
    this.#hi = 0;
    for (let bucket = 0; bucket <= this.#view.definition.buckets!.count; bucket++) this.#add(cell + bucket);
    this.#end(this.#lo, this.#hi);
  }

  /** Adds a cell to the running total. */
  #add(cell: number): void {
    const { words } = this.#view.cells;
    const low = this.#lo + words[cell * 2]!;
    this.#lo = low >>> 0;
    this.#hi = (this.#hi + words[cell * 2 + 1]! + (low > 0xffffffff ? 1 : 0)) >>> 0;
  }

  #line(texts: Buffer, from: number, to: number, bound?: Buffer): void {
    this.#reserve(this.#head.length + (to - from) + LINE_ROOM + (bound?.length ?? 0));
    this.#put(this.#head, 0, this.#head.length);
    if (to > from) this.#label(texts, from, to);
    if (bound !== undefined) this.#label(bound, 0, bound.length);
    if (this.#out[this.#at - 1] === OPEN)
      this.#at--; // no labels, no braces
    else this.#out[this.#at++] = 0x7d;
    this.#out[this.#at++] = 0x20;
  }

  /** Labels behind others, or behind the brace. */
  #label(bytes: Uint8Array, from: number, to: number): void {
    if (this.#out[this.#at - 1] !== OPEN) this.#out[this.#at++] = COMMA;
    this.#put(bytes, from, to);
  }

  #sum(cell: number): void {
    const { cells, definition } = this.#view;
    const { count, multiplier } = definition.buckets!;
    const { words } = cells;
    const sum = cell + count + 1;
    if (multiplier === 1) return this.#end(words[sum * 2]!, words[sum * 2 + 1]!);
    this.#at = writeText(this.#out, this.#at, formatFloat(Number(cells.get(sum)) * multiplier));
    this.#put(this.#tail, 0, this.#tail.length);
  }

  #end(lo: number, hi: number): void {
    this.#at = WRITE_NUMBER[this.#view.definition.numbers ?? 'u64'](this.#out, this.#at, lo, hi);
    this.#put(this.#tail, 0, this.#tail.length);
  }

  #put(bytes: Uint8Array, from: number, to: number): void {
    const out = this.#out;
    for (let i = from; i < to; i++) out[this.#at++] = bytes[i]!;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#out.length) return;
    const grown = Buffer.alloc((this.#at + length) * 2);
    grown.set(this.#out);
    this.#out = grown;
  }
}
