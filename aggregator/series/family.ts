import { LabelTable } from './label-table.js';
import { Cells } from './cells.js';
import type { Buckets } from './buckets.js';

export type FamilyType = 'counter' | 'histogram';

/** What makes two metrics the same family: all of it equal. */
export interface FamilyDefinition {
  /** Full name, prefix included. */
  readonly name: string;
  readonly help: string;
  readonly type: FamilyType;
  /** In the config's order. */
  readonly labels: readonly string[];
  readonly buckets?: Buckets;
}

/** All series of one metric: their label texts, and the cells that hold their values. */
export class Family {
  readonly definition: FamilyDefinition;
  readonly table = new LabelTable();
  readonly cells = new Cells();
  /** Cells of one series: 1 for a counter; the buckets and the sum for a histogram. */
  readonly stride: number;
  /** Number of the series that takes what the limit keeps out, once there is one. */
  #overflow = -1;
  /** Label sets that went to the overflow series. */
  overflowed = 0;
  readonly #maxSeries: number;

  constructor(definition: FamilyDefinition, maxSeries: number) {
    this.definition = definition;
    this.stride = definition.buckets === undefined ? 1 : definition.buckets.count + 1;
    this.#maxSeries = maxSeries;
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

  #add(labels: Uint8Array, length: number): number {
    const number = this.table.add(labels, length);
    this.cells.reserve((number + 1) * this.stride);
    return number;
  }
}
