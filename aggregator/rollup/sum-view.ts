import { isBetter, type Cells } from '../series/cells.js';
import { Family, type FamilyDefinition } from '../series/family.js';
import type { FamilyView } from '../series/family-view.js';
import type { LabelTable } from '../series/label-table.js';
import type { GroupLabels } from './group-labels.js';

/** Series of a sum in one partition; what comes beyond goes to one whose labels all say `other`. */
export const MAX_SUMS = 100_000;
/** Series that are added before the event loop may have its turn. */
const SERIES_A_TURN = 4096;

/** Which sum each series of a table goes to, as far as it has been asked. */
interface SumNumbers {
  numbers: Uint32Array;
  known: number;
}

/** The label sets of a sum, and which series goes to which of them: found out once, and again only of series that are new. */
export class SumView {
  readonly #family: Family;
  readonly #tables = new WeakMap<LabelTable, SumNumbers>();
  /** Sums that have a value already, where values are not added up; of one total, as the view of a gauge is. */
  readonly #begun = new Set<number>();

  constructor(definition: FamilyDefinition) {
    this.#family = new Family(definition, { cap: MAX_SUMS });
  }

  /** Adds all series of a metric to the sums. Yields now and then, so that the event loop can have its turn. */
  *add(sums: Cells, view: FamilyView, groups: GroupLabels): Generator<void> {
    // As they are now: series may end, and take new numbers in a table of their own, meanwhile.
    const { table, cells, stride, size, definition } = view;
    const numbers = yield* this.#numbersOf(table, size, groups);
    sums.reserve(this.#family.size * stride);
    for (let series = 0; series < size; series++) {
      const sum = numbers[series]!;
      if (definition.aggregate === undefined) {
        sums.addCells(sum * stride, cells, series * stride, stride, definition.numbers ?? 'u64');
      } else this.#combine(sums, sum, cells, series);
      if ((series + 1) % SERIES_A_TURN === 0) yield;
    }
    yield;
  }

  /** The sums as a metric. */
  end(cells: Cells): FamilyView {
    const { definition, table, stride, size } = this.#family;
    cells.reserve(size * stride);
    return { definition, table, cells, stride, size };
  }

  /** The least or the greatest; one cell a series, as in all gauges. */
  #combine(sums: Cells, sum: number, { words }: Cells, series: number): void {
    const { aggregate, numbers = 'u64' } = this.#family.definition;
    const [lo, hi] = [words[series * 2]!, words[series * 2 + 1]!];
    const op = aggregate === 'min' ? 'min' : 'max';
    const isBest = isBetter(op, numbers, lo, hi, sums.words[sum * 2]!, sums.words[sum * 2 + 1]!);
    if (this.#begun.has(sum) && !isBest) return;
    this.#begun.add(sum);
    sums.words[sum * 2] = lo;
    sums.words[sum * 2 + 1] = hi;
  }

  *#numbersOf(table: LabelTable, size: number, groups: GroupLabels): Generator<void, Uint32Array> {
    let known = this.#tables.get(table);
    if (known === undefined) this.#tables.set(table, (known = { numbers: new Uint32Array(size), known: 0 }));
    if (known.numbers.length < size) {
      const grown = new Uint32Array(size * 2);
      grown.set(known.numbers);
      known.numbers = grown;
    }
    while (known.known < size) {
      this.#find(table, known, Math.min(size, known.known + SERIES_A_TURN), groups);
      if (known.known < size) yield;
    }
    return known.numbers;
  }

  #find(table: LabelTable, known: SumNumbers, until: number, groups: GroupLabels): void {
    const { arena, starts } = table;
    for (let series = known.known; series < until; series++) {
      if (!groups.isConstant || series === known.known) groups.read(arena, starts[series]!, starts[series + 1]!);
      known.numbers[series] = this.#family.series(groups.bytes, groups.length);
    }
    known.known = until;
  }
}
