import { SettingsError } from '../lib/settings/problem.js';
import { SondeError } from '../wire/errors.js';

/** What a person should read of an error: its message where we or the system know what happened, else the whole stack. */
export function describeFailure(error: unknown): string {
  if (isForPeople(error)) return error.message;
  if (error instanceof Error) return `a fault of Sonde itself, please report it: ${error.stack ?? error.message}`;
  return String(error);
}

/** Whether its message says what happened and what to do; anything else is a fault of our own. */
export function isForPeople(error: unknown): error is Error {
  if (error instanceof SondeError) return error.code !== 'INTERNAL';
  if (error instanceof UsageError || error instanceof SettingsError) return true;
  return error instanceof Error && error.name === 'NativeError';
}

/** The command line, or the machine it runs on, is not as it must be: the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
