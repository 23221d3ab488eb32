import { doubleOf } from '../../series/double.js';
import type { Numbers } from '../../series/cells.js';
import type { Exemplars } from '../../series/exemplars.js';
import type { FamilyView } from '../../series/family-view.js';
import { formatFloat, writeI64, writeText, writeU64 } from './number.js';

/** What is served: the classic text format (version 0.0.4) or OpenMetrics 1.0. */
export type Format = 'text' | 'openmetrics';

/** Bytes of a chunk that is handed on. */
const CHUNK_BYTES = 128 * 1024;
/** Longest line without its labels and name: punctuation, `le`, a number. */
const LINE_ROOM = 96;
/** Longest exemplar: 128 characters of names and values, of up to four bytes each, and what is around them. */
const EXEMPLAR_ROOM = 640;

/** Writes the number whose words these are; returns the position behind it. */
export const WRITE_NUMBER: Record<Numbers, (out: Uint8Array, at: number, lo: number, hi: number) => number> = {
  u64: writeU64,
  i64: writeI64,
  f64: (out, at, lo, hi) => writeText(out, at, formatFloat(doubleOf(lo, hi))),
};

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

/**
 * Where lines are written: label texts in front, as they lie in their table, and the lines behind, because copying within one
 * array is several times faster than from one to another. Shared by all families of an exposition.
 */
export class LineBuffer {
  bytes = new Uint8Array(2 * CHUNK_BYTES);

  reserve(length: number): void {
    if (length > this.bytes.length) this.bytes = new Uint8Array(length + (length >>> 1));
  }
}

/** Writes the series of one host's family in chunks: `next` until it is null. A series that comes meanwhile is in the next scrape. */
export class FamilyWriter {
  /** Its parts as they were when writing began: series may end, and take new numbers in a table of their own, meanwhile. */
  readonly #family: FamilyView;
  readonly #buffer: LineBuffer;
  readonly #name: string;
  /** Labels of the host, with a comma behind them when labels of the series follow; '' without a host label. */
  readonly #hostLabels: string;
  readonly #bucketEnds: readonly Buffer[];
  /** Those that are written, behind the lines of their cells. */
  readonly #exemplars: Exemplars | undefined;
  #next = 0;

  /**
   * @param hostLabels `a="x",b="y"` in UTF-8, put before the labels of each series.
   * @param format exemplars are of OpenMetrics alone, of buckets and of counters whose name says so.
   */
  constructor(
    family: FamilyView,
    hostLabels: Buffer = Buffer.alloc(0),
    buffer = new LineBuffer(),
    format: Format = 'text',
  ) {
    const { name, labels, buckets } = family.definition;
    const comma = hostLabels.length > 0 && labels.length > 0 ? ',' : '';
    const { definition, table, cells, stride, size } = family;
    this.#family = { definition, table, cells, stride, size };
    const canHaveExemplars = format === 'openmetrics' && (buckets !== undefined || name.endsWith('_total'));
    this.#exemplars = canHaveExemplars ? family.exemplars : undefined;
    this.#buffer = buffer;
    this.#name = name;
    // As bytes: writeText takes each character as one.
    this.#hostLabels = hostLabels.toString('latin1') + comma;
    this.#bucketEnds =
      buckets === undefined ? [] : [...buckets.bounds, '+Inf'].map((bound) => Buffer.from(`le="${bound}"} `));
  }

  /** The next chunk, without the family's head, or null when all is written. A series is never cut. */
  next(): Buffer | null {
    if (this.#next >= this.#family.size) return null;
    const { arena, starts } = this.#family.table;
    const { bytes, until } = this.#plan();
    const [from, to] = [starts[this.#next]!, starts[until]!];
    this.#buffer.reserve(to - from + bytes);
    this.#buffer.bytes.set(arena.subarray(from, to));
    const start = to - from;
    const end =
      this.#family.definition.buckets === undefined ? this.#numbers(start, until) : this.#histograms(start, until);
    this.#next = until;
    return Buffer.from(this.#buffer.bytes.subarray(start, end));
  }

  /** How many series make the next chunk, and the bytes that they take at most. */
  #plan(): { bytes: number; until: number } {
    const { starts } = this.#family.table;
    // Of a histogram `+Inf`, sum and count beside the buckets.
    const { buckets } = this.#family.definition;
    const lines = buckets === undefined ? 1 : buckets.count + 3;
    const room = LINE_ROOM + (this.#exemplars === undefined ? 0 : EXEMPLAR_ROOM);
    const perLine = this.#name.length + this.#hostLabels.length + room;
    // The line that the others copy their beginning from is counted, too.
    let bytes = perLine;
    let until = this.#next;
    while (until < this.#family.size && bytes < CHUNK_BYTES) {
      bytes += lines * (starts[until + 1]! - starts[until]! + perLine);
      until++;
    }
    return { bytes, until };
  }

  /** Lines `name{labels} value` of the series from `#next` to `until`; returns where they end. */
  #numbers(at: number, until: number): number {
    const { starts } = this.#family.table;
    const { words } = this.#family.cells;
    const write = WRITE_NUMBER[this.#family.definition.numbers ?? 'u64'];
    const out = this.#buffer.bytes;
    const base = starts[this.#next]!;
    const hasLabels = this.#hostLabels !== '' || this.#family.definition.labels.length > 0;
    // Where the last line began, which the next begins like.
    let head = at;
    const length = this.#name.length + (hasLabels ? 1 : 0) + this.#hostLabels.length;
    writeText(out, at, `${this.#name}${hasLabels ? '{' : ''}${this.#hostLabels}`);
    for (let series = this.#next; series < until; series++) {
      const from = starts[series]! - base;
      const to = starts[series + 1]! - base;
      out.copyWithin(at, head, head + length);
      head = at;
      at += length;
      if (hasLabels) {
        out.copyWithin(at, from, to);
        at += to - from;
        out[at++] = 0x7d;
      }
      out[at++] = 0x20;
      at = write(out, at, words[series * 2]!, words[series * 2 + 1]!);
      at = this.#exemplar(at, series);
      out[at++] = 0x0a;
    }
    return at;
  }

  #histograms(at: number, until: number): number {
    const base = this.#family.table.starts[this.#next]!;
    for (let series = this.#next; series < until; series++) at = this.#histogram(at, series, base);
    return at;
  }

  /** All lines of one series: buckets, cumulative, then sum and count. */
  #histogram(at: number, series: number, base: number): number {
    const { table, cells, stride, definition } = this.#family;
    const out = this.#buffer.bytes;
    const { count } = definition.buckets!;
    const from = table.starts[series]! - base;
    const to = table.starts[series + 1]! - base;
    const first = series * stride;
    const line = at;
    let lineEnd = writeText(out, at, `${this.#name}_bucket{${this.#hostLabels}`);
    out.copyWithin(lineEnd, from, to);
    lineEnd += to - from;
    if (out[lineEnd - 1] !== 0x7b && out[lineEnd - 1] !== 0x2c) out[lineEnd++] = 0x2c;
    let lo = 0;
    let hi = 0;
    for (let bucket = 0; bucket <= count; bucket++) {
      const low = lo + cells.words[(first + bucket) * 2]!;
      lo = low >>> 0;
      hi = (hi + cells.words[(first + bucket) * 2 + 1]! + (low > 0xffffffff ? 1 : 0)) >>> 0;
      out.copyWithin(at, line, lineEnd);
      at += lineEnd - line;
      const end = this.#bucketEnds[bucket]!;
      for (let i = 0; i < end.length; i++) out[at++] = end[i]!;
      at = writeU64(out, at, lo, hi);
      at = this.#exemplar(at, first + bucket);
      out[at++] = 0x0a;
    }
    at = this.#withoutBucket(at, '_sum', from, to);
    at = this.#sum(at, first + count + 1);
    out[at++] = 0x0a;
    at = this.#withoutBucket(at, '_count', from, to);
    at = writeU64(out, at, lo, hi);
    out[at++] = 0x0a;
    return at;
  }

  /** ` # {labels} value seconds` of the cell's exemplar, when it has one. */
  #exemplar(at: number, cell: number): number {
    const exemplar = this.#exemplars?.get(cell);
    if (exemplar === undefined) return at;
    const out = this.#buffer.bytes;
    at = writeText(out, at, ' # {');
    out.set(exemplar.labels, at);
    at += exemplar.labels.length;
    return writeText(out, at, `} ${formatFloat(exemplar.value)} ${exemplar.timeMs / 1000}`);
  }

  /** `name<suffix>{labels} `. */
  #withoutBucket(at: number, suffix: string, from: number, to: number): number {
    const out = this.#buffer.bytes;
    at = writeText(out, at, this.#name + suffix);
    if (to > from || this.#hostLabels !== '') {
      at = writeText(out, at, `{${this.#hostLabels}`);
      out.copyWithin(at, from, to);
      at += to - from;
      out[at++] = 0x7d;
    }
    out[at++] = 0x20;
    return at;
  }

  #sum(at: number, cell: number): number {
    const { cells, definition } = this.#family;
    const out = this.#buffer.bytes;
    const { multiplier } = definition.buckets!;
    if (multiplier === 1) return writeU64(out, at, cells.words[cell * 2]!, cells.words[cell * 2 + 1]!);
    return writeText(out, at, formatFloat(Number(cells.get(cell)) * multiplier));
  }
}
