import { asBytes, asWords, type Saved } from '../state/saved.js';
import { bucketsOf, type BucketSpec, type Buckets } from './buckets.js';
import { Cells } from './cells.js';
import { LabelTable } from './label-table.js';

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/** What the cells of a family hold: integers, or the bits of doubles. Counters and histograms are u64. */
export type Numbers = 'u64' | 'i64' | 'f64';

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
}

/** A family as it is saved: its arrays are `texts`, `starts` and `cells`. */
export interface FamilyMeta {
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  readonly labels: readonly string[];
  readonly buckets?: BucketSpec;
  readonly numbers?: Numbers;
  readonly overflow: number;
  readonly overflowed: number;
}

/** The definition of a saved family. */
export function savedDefinition({ name, help, type, labels, buckets, numbers }: FamilyMeta): FamilyDefinition {
  return {
    name,
    help,
    type,
    labels,
    ...(buckets !== undefined && { buckets: bucketsOf(buckets) }),
    ...(numbers !== undefined && { numbers }),
  };
}

/** All series of one metric: their label texts, and the cells that hold their values. */
export class Family {
  #definition: FamilyDefinition;
  readonly table = new LabelTable();
  readonly cells = new Cells();
  /** Cells of one series: 1; of a histogram the buckets, `+Inf` alone, and the sum. */
  readonly stride: number;
  /** Number of the series that takes what the limit keeps out, once there is one. */
  #overflow = -1;
  /** Label sets that went to the overflow series. */
  overflowed = 0;
  readonly #maxSeries: number;

  constructor(definition: FamilyDefinition, maxSeries: number) {
    this.#definition = definition;
    this.stride = definition.buckets === undefined ? 1 : definition.buckets.count + 2;
    this.#maxSeries = maxSeries;
  }

  get definition(): FamilyDefinition {
    return this.#definition;
  }

  /** Gives the metric another help text: it stays the same metric. */
  describe(help: string): void {
    this.#definition = { ...this.#definition, help };
  }

  get size(): number {
    return this.table.size;
  }

  /** The number of the series with these labels, made when there is none; of the overflow series when there are too many. */
  series(labels: Uint8Array, length: number): number {
    const known = this.table.find(labels, length);
    if (known >= 0) return known;
    if (this.table.size < this.#maxSeries) return this.#add(labels, length);
    this.overflowed++;
    if (this.#overflow < 0) {
      const text = Buffer.from(
        [...this.definition.labels]
          .sort()
          .map((name) => `${name}="other"`)
          .join(','),
      );
      const existing = this.table.find(text, text.length);
      this.#overflow = existing >= 0 ? existing : this.#add(text, text.length);
    }
    return this.#overflow;
  }

  save(): Saved<FamilyMeta> {
    const { name, help, type, labels, buckets, numbers } = this.definition;
    const { arena, starts, size } = this.table;
    return {
      meta: {
        name,
        help,
        type,
        labels,
        ...(buckets !== undefined && { buckets: buckets.spec }),
        ...(numbers !== undefined && { numbers }),
        overflow: this.#overflow,
        overflowed: this.overflowed,
      },
      arrays: {
        texts: arena.subarray(0, starts[size]),
        starts: asBytes(starts, size + 1),
        cells: asBytes(this.cells.words, size * this.stride * 2),
      },
    };
  }

  /** Makes this family, which has no series yet, what `save` has told. Throws RangeError when its parts do not fit. */
  restore({ meta, arrays }: Saved<FamilyMeta> & { readonly arrays: Record<string, Uint8Array<ArrayBuffer>> }): void {
    this.table.restore(arrays['texts']!, asWords(arrays['starts']!));
    this.cells.reserve(this.size * this.stride);
    this.cells.restore(asWords(arrays['cells']!));
    this.#overflow = meta.overflow;
    this.overflowed = meta.overflowed;
  }

  #add(labels: Uint8Array, length: number): number {
    const number = this.table.add(labels, length);
    this.cells.reserve((number + 1) * this.stride);
    return number;
  }
}
