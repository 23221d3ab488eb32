import type { LabelTable } from './label-table.js';

/** Series that are looked at: enough to tell, and few enough for the one moment in which it is done. */
const MAX_SAMPLE = 65_536;

/** One label of a text, its value with escapes. */
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/gs;

/** The label that has the most distinct values in the series of a table: the one to blame when there are too many. '' without labels. */
export function mostDistinctLabel(table: LabelTable): string {
  const values = new Map<string, Set<string>>();
  const step = Math.max(1, Math.ceil(table.size / MAX_SAMPLE));
  for (let series = 0; series < table.size; series += step) {
    for (const [, name, value] of table.text(series).matchAll(LABEL)) {
      const known = values.get(name!);
      if (known === undefined) values.set(name!, new Set([value!]));
      else known.add(value!);
    }
  }
  let most = '';
  for (const [name, { size }] of values) if (size > (values.get(most)?.size ?? 0)) most = name;
  return most;
}
