import { formatPath, type Path } from '../yaml/path.js';

/** Settings that cannot be used: every problem at once, one a line. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** One line: where, what is wrong, what to do. */
export function problemLine(place: string, message: string, hint?: string): string {
  return `${place}: ${message}${hint === undefined ? '' : `; ${hint}`}`;
}

/** What follows a setting's name for a part of its value: `[0].cap`, `.rack`; '' for the whole. */
export function subPath(path: Path): string {
  return formatPath(['_', ...path]).slice(1);
}
