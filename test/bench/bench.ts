// What every bench shares: interleaved runs, medians, a table, and one line of JSON at the end.

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** Nanoseconds that `work` takes. */
export function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

/** CPU seconds of this process, all threads, that `work` takes. */
export async function cpuSeconds(work: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
}

/**
 * Runs every function once a round, in turns, so that a busy moment of the machine hits all of them alike, and returns
 * the samples (what the functions return) by name. The first round warms up and is left out.
 */
export async function interleave<Name extends string>(
  functions: Readonly<Record<Name, () => number | Promise<number>>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(functions) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round <= rounds; round++) {
    // Not always the same one first: what a neighbour leaves in the caches would be the same one's luck.
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const sample = await functions[name]();
      if (round > 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** One number to reach. */
export interface Check {
  readonly name: string;
  readonly ratio: number;
  readonly goal: number;
  /** Whether `goal` is the most (`cost` against the baseline's) or the least (`gain` over the baseline). */
  readonly kind: 'cost' | 'gain';
}

export interface Report {
  readonly bench: string;
  /** Measurements, one object a line; all with the same keys. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly checks: readonly Check[];
}

/** Share of the goal that is used up: above 1 it is missed. */
const strain = ({ ratio, goal, kind }: Check): number => (kind === 'cost' ? ratio / goal : goal / ratio);

const round = (value: number): number => Number(value.toPrecision(4));

function printTable(rows: Report['rows']): void {
  const headings = Object.keys(rows[0] ?? {});
  const cells = [headings, ...rows.map((row) => headings.map((heading) => String(row[heading] ?? '')))];
  const widths = headings.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  for (const line of cells) {
    console.log(
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    );
  }
}

/** Prints the table, the checks, and the line of JSON: the ratio and goal of the check that is nearest to failing. */
export function report({ bench, rows, checks }: Report): void {
  printTable(rows);
  for (const { name, ratio, goal, kind } of checks) {
    console.log(`${name}: ${round(ratio)}× (goal ${kind === 'cost' ? '≤' : '≥'} ${goal}×)`);
  }
  const [worst] = [...checks].sort((a, b) => strain(b) - strain(a));
  if (worst === undefined) throw new Error(`bench ${bench} checks nothing`);
  const { ratio, goal } = worst;
  console.log(JSON.stringify({ bench, ratio: round(ratio), goal, ok: strain(worst) <= 1 }));
}
