import type { Cells } from './cells.js';
import type { Exemplars } from './exemplars.js';
import type { FamilyDefinition } from './family.js';
import type { LabelTable } from './label-table.js';

/** The series of a metric, to be read: the family itself, or what is shown of it. */
export interface FamilyView {
  readonly definition: FamilyDefinition;
  readonly table: LabelTable;
  readonly cells: Cells;
  /** Cells of one series. */
  readonly stride: number;
  /** Number of series. */
  readonly size: number;
  /** Of the cells, where any are kept. */
  readonly exemplars?: Exemplars | undefined;
}
