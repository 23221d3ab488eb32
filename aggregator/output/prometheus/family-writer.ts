import type { Family } from '../../series/family.js';
import { formatFloat, writeText, writeU64 } from './number.js';

/** What is served: the classic text format (version 0.0.4) or OpenMetrics 1.0. */
export type Format = 'text' | 'openmetrics';

/** Bytes of a chunk that is handed on. */
const CHUNK_BYTES = 128 * 1024;
/** Longest line without its labels and name: punctuation, `le`, a number. */
const LINE_ROOM = 96;

/** `# HELP` and `# TYPE` of a family. In OpenMetrics a counter is named without `_total`, and without it is `unknown`. */
export function familyHead(name: string, help: string, type: string, format: Format): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  if (format === 'text' || type !== 'counter') {
    return `# HELP ${name} ${format === 'text' ? escaped : escaped.replaceAll('"', '\\"')}\n# TYPE ${name} ${type}\n`;
  }
  const isTotal = name.endsWith('_total');
  const family = isTotal ? name.slice(0, -'_total'.length) : name;
  return `# HELP ${family} ${escaped.replaceAll('"', '\\"')}\n# TYPE ${family} ${isTotal ? 'counter' : 'unknown'}\n`;
}

/** Writes the series of a family in chunks: `next` until it is null. */
export class FamilyWriter {
  readonly #family: Family;
  readonly #head: Buffer;
  /** Series there were when writing began: one that comes later is in the next scrape. */
  readonly #count: number;
  readonly #name: string;
  readonly #bucketEnds: readonly Buffer[];
  #next = 0;

  constructor(family: Family, format: Format) {
    const { name, help, type, buckets } = family.definition;
    this.#family = family;
    this.#head = Buffer.from(familyHead(name, help, type, format));
    this.#count = family.size;
    this.#name = name;
    this.#bucketEnds =
      buckets === undefined ? [] : [...buckets.bounds, '+Inf'].map((bound) => Buffer.from(`le="${bound}"} `));
  }

  /** The next chunk, or null when all is written. A series is never cut, nor a histogram's lines torn apart. */
  next(): Buffer | null {
    if (this.#next >= this.#count) return null;
    const { table } = this.#family;
    const { bytes, until } = this.#plan();
    const scratch = table.scratch(bytes + this.#name.length + 1);
    const start = writeText(table.arena, scratch, `${this.#name}{`);
    const end =
      this.#family.definition.buckets === undefined
        ? this.#counters(scratch, start, until)
        : this.#histograms(start, until);
    const lines = table.arena.subarray(start, end);
    const chunk = this.#next === 0 ? Buffer.concat([this.#head, lines]) : Buffer.from(lines);
    this.#next = until;
    return chunk;
  }

  /** How many series make the next chunk, and the bytes that they take at most. */
  #plan(): { bytes: number; until: number } {
    const { starts } = this.#family.table;
    const lines = this.#family.definition.buckets === undefined ? 1 : this.#family.stride + 2;
    const perLine = this.#name.length + LINE_ROOM;
    let bytes = 0;
    let until = this.#next;
    while (until < this.#count && bytes < CHUNK_BYTES) {
      bytes += lines * (starts[until + 1]! - starts[until]! + perLine);
      until++;
    }
    return { bytes, until };
  }

  /** Lines `name{labels} value` of the series from `#next` to `until`, the `name{` copied from `head`; returns where they end. */
  #counters(head: number, at: number, until: number): number {
    const { table, cells } = this.#family;
    const { arena: out, starts } = table;
    const { words } = cells;
    const headEnd = at;
    for (let series = this.#next; series < until; series++) {
      const from = starts[series]!;
      const to = starts[series + 1]!;
      out.copyWithin(at, head, headEnd);
      at += headEnd - head;
      if (to > from) {
        out.copyWithin(at, from, to);
        at += to - from;
        out[at++] = 0x7d;
      } else {
        at--; // no labels, no brace
      }
      out[at++] = 0x20;
      at = writeU64(out, at, words[series * 2]!, words[series * 2 + 1]!);
      out[at++] = 0x0a;
    }
    return at;
  }

  #histograms(at: number, until: number): number {
    for (let series = this.#next; series < until; series++) at = this.#histogram(at, series);
    return at;
  }

  /** All lines of one series: buckets, cumulative, then sum and count. */
  #histogram(at: number, series: number): number {
    const { table, cells, stride, definition } = this.#family;
    const { arena: out, starts } = table;
    const { count } = definition.buckets!;
    const from = starts[series]!;
    const to = starts[series + 1]!;
    const first = series * stride;
    const line = at;
    let lineEnd = writeText(out, at, `${this.#name}_bucket{`);
    if (to > from) {
      out.copyWithin(lineEnd, from, to);
      lineEnd += to - from;
      out[lineEnd++] = 0x2c;
    }
    let lo = 0;
    let hi = 0;
    for (let bucket = 0; bucket <= count; bucket++) {
      if (bucket < count) {
        const low = lo + cells.words[(first + bucket) * 2]!;
        lo = low >>> 0;
        hi = (hi + cells.words[(first + bucket) * 2 + 1]! + (low > 0xffffffff ? 1 : 0)) >>> 0;
      }
      out.copyWithin(at, line, lineEnd);
      at += lineEnd - line;
      const end = this.#bucketEnds[bucket]!;
      for (let i = 0; i < end.length; i++) out[at++] = end[i]!;
      at = writeU64(out, at, lo, hi);
      out[at++] = 0x0a;
    }
    at = this.#withoutBucket(at, '_sum', from, to);
    at = this.#sum(at, first + count);
    out[at++] = 0x0a;
    at = this.#withoutBucket(at, '_count', from, to);
    at = writeU64(out, at, lo, hi);
    out[at++] = 0x0a;
    return at;
  }

  /** `name<suffix>{labels} `. */
  #withoutBucket(at: number, suffix: string, from: number, to: number): number {
    const { arena: out } = this.#family.table;
    at = writeText(out, at, this.#name + suffix);
    if (to > from) {
      out[at++] = 0x7b;
      out.copyWithin(at, from, to);
      at += to - from;
      out[at++] = 0x7d;
    }
    out[at++] = 0x20;
    return at;
  }

  #sum(at: number, cell: number): number {
    const { table, cells, definition } = this.#family;
    const { multiplier } = definition.buckets!;
    if (multiplier === 1) return writeU64(table.arena, at, cells.words[cell * 2]!, cells.words[cell * 2 + 1]!);
    return writeText(table.arena, at, formatFloat(Number(cells.get(cell)) * multiplier));
  }
}
