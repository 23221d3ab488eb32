import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly debug: boolean;
  /** systemd's journal has its own. */
  readonly timestamps: boolean;
}

/** Lines for people, on standard error: `[time] LEVEL: message {fields}`. */
export function createLogger(options: LogOptions): Logger {
  const stream = pretty({
    destination: 2,
    sync: true,
    singleLine: true,
    colorize: process.stderr.isTTY === true,
    ignore: options.timestamps ? 'pid,hostname' : 'pid,hostname,time',
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
  });
  return pino({ level: options.debug ? 'debug' : 'info' }, stream);
}
