import { SettingsError } from '../lib/settings/problem.js';
import { SondeError } from '../wire/errors.js';

/** What a person should read of an error: its message where we or the system know what happened, else the whole stack. */
export function describeFailure(error: unknown): string {
  if (error instanceof SondeError && error.code !== 'INTERNAL') return error.message;
  if (error instanceof UsageError || error instanceof SettingsError) return error.message;
  if (error instanceof Error && error.name === 'NativeError') return error.message;
  if (error instanceof Error) return `a fault of Sonde itself, please report it: ${error.stack ?? error.message}`;
  return String(error);
}

/** The command line, or the machine it runs on, is not as it must be: the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
