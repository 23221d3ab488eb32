import type { Aggregate } from '../../wire/config/schema.js';
import { asBytes, asWords, type Saved } from '../state/saved.js';
import { bucketsOf, type BucketSpec, type Buckets } from './buckets.js';
import { Cells, type Numbers } from './cells.js';
import { Exemplars } from './exemplars.js';
import { Expiry, GONE, type FrameClock } from './expiry.js';
import type { FamilyView } from './family-view.js';
import { LabelTable } from './label-table.js';
import type { FamilyLimits } from './limits.js';
import { mostDistinctLabel } from './overflow-label.js';
import { Top } from './top.js';
import { Windows } from './windows.js';

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/** What makes two metrics the same family: all of it equal. */
export interface FamilyDefinition {
  /** Full name, prefix included. */
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  /** In the config's order. */
  readonly labels: readonly string[];
  readonly buckets?: Buckets;
  /** Absent: u64. */
  readonly numbers?: Numbers;
  /** How rows or events with equal labels become one value, where they are not added up; of gauges only. */
  readonly aggregate?: Exclude<Aggregate, 'sum'>;
}

/** A family as it is saved, beside its arrays. */
export interface FamilyMeta {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  readonly labels: readonly string[];
  readonly buckets?: BucketSpec;
  readonly numbers?: Numbers;
  readonly aggregate?: Exclude<Aggregate, 'sum'>;
  readonly limits: FamilyLimits;
  readonly overflowLabel?: string;
  readonly overflowed: number;
  /** When it was looked for series that have ended. */
  readonly lookedMs?: number;
  /** When its series were ranked; null: not yet. */
  readonly rankedMs?: number | null;
  /** Number of the window that runs. */
  readonly window?: number;
}

const NOTHING = new Uint8Array();

/** The definition of a saved family. */
export function savedDefinition(meta: FamilyMeta): FamilyDefinition {
  const { name, help, type, labels, buckets, numbers, limits } = meta;
  // Before there were others, what is not added up was the last.
  const aggregate = meta.aggregate ?? (limits.keepsLast === true ? 'last' : undefined);
  return {
    name,
    help,
    type,
    labels,
    ...(buckets !== undefined && { buckets: bucketsOf(buckets) }),
    ...(numbers !== undefined && { numbers }),
    ...(aggregate !== undefined && { aggregate }),
  };
}

/** Names of the arrays of a saved family; those that it has no use for are empty. */
export const FAMILY_ARRAYS = ['texts', 'starts', 'cells', 'since', 'shown', 'offsets', 'windows', 'windowed'] as const;

/** All series of one metric: their label texts, the cells that hold their values, and which of them end or are shown. */
export class Family implements FamilyView {
  #definition: FamilyDefinition;
  #limits: FamilyLimits;
  readonly #clock: FrameClock;
  #table = new LabelTable();
  #cells = new Cells();
  /** Cells of one series: 1, or those of a histogram ({@link Buckets}). */
  readonly stride: number;
  #expiry: Expiry | undefined;
  #top: Top | undefined;
  #windows: Windows | undefined;
  /** Labels of the series that takes what the others do not. */
  readonly otherText: Uint8Array;
  #exemplars: Exemplars | undefined;
  /** The label to blame for there being too many series; undefined as long as there are not. */
  #overflowLabel: string | undefined;
  /** Rows and events that were counted as `other`, because there were too many series. */
  overflowed = 0;
  /** Series whose value is no longer known, because the row that it came from has gone or changed: to be made anew of the rows that are left. */
  readonly stale = new Set<number>();

  constructor(definition: FamilyDefinition, limits: FamilyLimits, clock: FrameClock = { nowMs: 0 }) {
    this.#definition = definition;
    this.#limits = { cap: limits.cap };
    this.#clock = clock;
    this.stride = definition.buckets?.cells ?? 1;
    const labels = [...definition.labels].sort();
    this.otherText = Buffer.from(labels.map((name) => `${name}="other"`).join(','));
    this.limit(limits);
  }

  get definition(): FamilyDefinition {
    return this.#definition;
  }

  get limits(): FamilyLimits {
    return this.#limits;
  }

  /** Replaced when series have ended: whoever reads on for longer than a frame keeps the table and the cells that he began with. */
  get table(): LabelTable {
    return this.#table;
  }

  get cells(): Cells {
    return this.#cells;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Of its cells; replaced like the cells. Undefined as long as nobody has asked to {@link keepExemplars}. */
  get exemplars(): Exemplars | undefined {
    return this.#exemplars;
  }

  keepExemplars(): void {
    this.#exemplars ??= new Exemplars(this.#clock);
  }

  get overflowLabel(): string | undefined {
    return this.#overflowLabel;
  }

  /** Gives the metric another help text: it stays the same metric. */
  describe(help: string): void {
    this.#definition = { ...this.#definition, help };
  }

  /** Bounds the series in another way, from now on. Series that are beyond a new cap stay. */
  limit(limits: FamilyLimits): void {
    const { ttlMs, top, windowMs, keepsLast = false } = limits;
    if (windowMs !== this.#limits.windowMs) this.#windows = this.#newWindows(windowMs);
    this.#limits = limits;
    // A sum without labels is all there is: there is nothing to bound, and no other.
    const isOne = this.#definition.labels.length === 0 && !keepsLast && ttlMs !== 0;
    if (ttlMs === undefined || isOne) this.#expiry = undefined;
    else if (this.#expiry === undefined) this.#expiry = this.#newExpiry(ttlMs);
    else this.#expiry.ttlMs = ttlMs;
    if (top === undefined || isOne) this.#top = undefined;
    else if (this.#top === undefined) this.#top = new Top(top, this.#clock);
    else if (this.#top.count !== top) this.#top.resize(top);
  }

  /** The number of the series with these labels, made when there is none; of `other` when there are too many. */
  series(labels: Uint8Array, length: number): number {
    const known = this.#table.find(labels, length);
    if (known >= 0) return known;
    const other = this.#findOther();
    if (this.size - (other < 0 ? 0 : 1) < this.#limits.cap) return this.#add(labels, length);
    this.overflowed++;
    this.#overflowLabel ??= mostDistinctLabel(this.#table);
    return this.#other();
  }

  /** A new row counts in this series. */
  hold(series: number): void {
    this.#expiry?.hold(series);
  }

  /** Rows that count in this series, where that decides whether it ends. */
  rowsOf(series: number): number {
    return this.#expiry?.rowsOf(series) ?? 0;
  }

  /** A row that counted in this series has vanished. */
  release(series: number): void {
    this.#expiry?.release(series);
  }

  /** An event counts in this series. */
  touch(series: number): void {
    this.#expiry?.touch(series);
  }

  /** Takes the value of an event, where the least or the greatest of late is shown. */
  takeWindowed(series: number, lo: number, hi: number): void {
    this.#windows?.take(this.#cells, series, lo, hi, this.size);
  }

  /**
   * Ends what has to end, and chooses what is shown: to be called when a frame has been applied. Returns the new number of each
   * series by its old one ({@link GONE} for those that have ended), or undefined when all stay as they are.
   */
  settle(): Uint32Array | undefined {
    this.#windows?.turn(this.#cells, this.size);
    const numbers =
      this.#windows?.ended(this.size) ?? this.#expiry?.ended(this.size, this.#endsForGood ? -1 : this.#findOther());
    if (numbers !== undefined) this.#removeEnded(numbers);
    this.#top?.settle(this, this.#findOther());
    return numbers;
  }

  /** What is shown of the metric: itself, or a copy of the largest series, and the rest as `other`. */
  view(): FamilyView {
    const hasOther = this.#limits.keepsLast !== true;
    return this.#top === undefined ? this : this.#top.view(this, hasOther ? this.otherText : null);
  }

  save(): Saved<FamilyMeta> {
    const { name, help, type, labels, buckets, numbers, aggregate } = this.#definition;
    const { arena, starts, size } = this.#table;
    const top = this.#top?.save();
    const windows = this.#windows?.save(size);
    return {
      meta: {
        name,
        help,
        type,
        labels,
        ...(buckets !== undefined && { buckets: buckets.spec }),
        ...(numbers !== undefined && { numbers }),
        ...(aggregate !== undefined && { aggregate }),
        limits: this.#limits,
        ...(this.#overflowLabel !== undefined && { overflowLabel: this.#overflowLabel }),
        overflowed: this.overflowed,
        ...(this.#expiry !== undefined && { lookedMs: this.#expiry.lookedMs }),
        ...(this.#top !== undefined && { rankedMs: this.#top.rankedMs }),
        ...(this.#windows !== undefined && { window: this.#windows.number }),
      },
      arrays: {
        texts: arena.subarray(0, starts[size]),
        starts: asBytes(starts, size + 1),
        cells: asBytes(this.#cells.words, size * this.stride * 2),
        since: this.#expiry?.save(size) ?? NOTHING,
        shown: top?.shown ?? NOTHING,
        offsets: top?.offsets ?? NOTHING,
        windows: windows?.words ?? NOTHING,
        windowed: windows?.has ?? NOTHING,
      },
    };
  }

  /** Makes this family, which has no series yet, what `save` has told. Throws RangeError when its parts do not fit. */
  restore({ meta, arrays }: Saved<FamilyMeta> & { readonly arrays: Record<string, Uint8Array<ArrayBuffer>> }): void {
    this.#table.restore(arrays['texts']!, asWords(arrays['starts']!));
    this.#cells.reserve(this.size * this.stride);
    this.#cells.restore(asWords(arrays['cells']!));
    this.#overflowLabel = meta.overflowLabel;
    this.overflowed = meta.overflowed;
    if (this.#expiry !== undefined) {
      this.#expiry = this.#newExpiry(this.#expiry.ttlMs);
      this.#expiry.restore(arrays['since']!, meta.lookedMs!);
    }
    if (this.#windows !== undefined) {
      this.#windows = this.#newWindows(this.#limits.windowMs);
      this.#windows?.restore(asWords(arrays['windows']!), arrays['windowed']!, meta.window!);
    }
    this.#top?.restore(arrays['shown']!, arrays['offsets']!, meta.rankedMs!, this.size);
  }

  /** Nothing is left of a series that has ended: what it counted is not added to `other`. */
  get #endsForGood(): boolean {
    return this.#limits.keepsLast === true || this.#limits.ttlMs === 0;
  }

  #add(labels: Uint8Array, length: number): number {
    const series = this.#table.add(labels, length);
    this.#cells.reserve((series + 1) * this.stride);
    this.#expiry?.add(series);
    this.#windows?.add(series);
    return series;
  }

  /** The number of the series `other`, -1 as long as there is none. */
  #findOther(): number {
    return this.#table.find(this.otherText, this.otherText.length);
  }

  #other(): number {
    const known = this.#findOther();
    return known >= 0 ? known : this.#add(this.otherText, this.otherText.length);
  }

  /** Of the series that there are, each may still count a row that was there before: who knows says so by `hold`. */
  #newExpiry(ttlMs: number): Expiry {
    const expiry = new Expiry(ttlMs, this.#clock);
    for (let series = 0; series < this.size; series++) expiry.add(series);
    return expiry;
  }

  #newWindows(windowMs: number | undefined): Windows | undefined {
    const { aggregate, numbers = 'u64' } = this.#definition;
    if (windowMs === undefined || aggregate === undefined || aggregate === 'last') return undefined;
    const windows = new Windows({ windowMs, op: aggregate, numbers }, this.#clock);
    for (let series = 0; series < this.size; series++) windows.add(series);
    return windows;
  }

  /** Moves the series that stay together, in tables of their own, and adds what the ended ones have counted to `other`. */
  #removeEnded(numbers: Uint32Array): void {
    const { stride } = this;
    const { numbers: kind = 'u64' } = this.#definition;
    const [table, cells] = [this.#table, this.#cells];
    this.#table = new LabelTable();
    this.#cells = new Cells();
    // Of series that have other numbers now. They are but samples: the next events bring new ones.
    if (this.#exemplars !== undefined) this.#exemplars = new Exemplars(this.#clock);
    this.#expiry?.renumber(numbers);
    this.#windows?.renumber(numbers);
    this.#top?.renumber(numbers);
    for (const [old, series] of numbers.entries()) {
      if (series === GONE) continue;
      const text = table.bytes(old);
      this.#table.add(text, text.length);
      this.#cells.reserve((series + 1) * stride);
      this.#cells.addCells(series * stride, cells, old * stride, stride, kind);
    }
    if (this.#endsForGood) return;
    const other = this.#other() * stride;
    for (const [old, series] of numbers.entries()) {
      if (series === GONE) this.#cells.addCells(other, cells, old * stride, stride, kind);
    }
  }
}
