import { SondeError } from '../../wire/errors.js';

/** A metric that is summed over hosts, as the settings have it. */
export interface RollupSpec {
  /** Full name of the metric, prefix included. */
  readonly metric: string;
  /** Labels that are kept: of the series, or of hosts, such as `rack`. */
  readonly by: readonly string[];
  /** Name of the sum. */
  readonly name: string;
}

/** Label of a sum that says which partition's hosts are in it. */
export const PARTITION_LABEL = 'sonde_partition';

/** Labels that a sum has for itself, or that would tell its hosts apart. */
const NOT_KEPT: ReadonlyMap<string, string> = new Map([
  ['__name__', 'is the name'],
  ['le', 'is kept by itself in a histogram'],
  [PARTITION_LABEL, 'is put to every sum'],
  ['instance', 'is the host: a sum is over hosts'],
]);

/** Throws a SondeError `CONFIG` that lists everything that is wrong. */
export function checkRollups(rollups: readonly RollupSpec[]): void {
  const problems = rollups.flatMap((spec, i) => problemsOf(spec, rollups.slice(0, i)));
  if (problems.length > 0) throw new SondeError('CONFIG', problems.join('\n'), { stage: 'config' });
}

function problemsOf({ metric, by, name }: RollupSpec, before: readonly RollupSpec[]): string[] {
  const problems = by.flatMap((label) => {
    const why = NOT_KEPT.get(label);
    return why === undefined ? [] : `rollup ${name}: by: ${label} ${why}: leave it out`;
  });
  if (new Set(by).size < by.length) problems.push(`rollup ${name}: by: a label comes twice`);
  if (name === metric) problems.push(`rollup ${name}: has the name of its metric: give the sum a name of its own`);
  if (before.some((other) => other.name === name)) problems.push(`rollup ${name}: another rollup has this name`);
  return problems;
}
