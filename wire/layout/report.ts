import type { ConfigProblem } from '../errors.js';
import { locator, problemAt } from '../config/parse.js';
import type { ProbeConfig } from '../config/schema.js';
import type { LayoutProblem } from './fields.js';
import type { ValueProblem } from './value.js';

type OwnerPath = readonly (string | number)[];

/**
 * Gives layout problems their file, path and line.
 * @param owner whose labels they are, such as `['metrics', 'counters', 0]` or `['tracing', 'spans', 1]`.
 */
export function layoutProblems(
  config: ProbeConfig,
  owner: OwnerPath,
  problems: readonly LayoutProblem[],
): ConfigProblem[] {
  if (problems.length === 0) return [];
  const place = locator(config);
  return problems.map(({ label, message, hint, detail }) =>
    problemAt(config, place, [...owner, 'labels', ...(label === null ? [] : [label])], message, hint, detail),
  );
}

/** The same for a metric's value. */
export function valueProblem(config: ProbeConfig, metric: OwnerPath, problem: ValueProblem): ConfigProblem {
  return problemAt(config, locator(config), [...metric, 'value'], problem.message, problem.hint, problem.detail);
}
