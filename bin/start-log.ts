import { createLogger, type Logger } from '../lib/log.js';
import type { Settings } from '../lib/settings/load.js';

/** The command's log, which begins with what is odd about its settings. */
export function startLog({ values, warnings }: Settings): Logger {
  const log = createLogger({ debug: values.debug, timestamps: !values['log.no-timestamps'] });
  for (const warning of warnings) log.warn(warning);
  return log;
}
