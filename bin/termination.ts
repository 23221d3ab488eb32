import type { Logger } from '../lib/log.js';

/** Whoever stops us (systemd, Kubernetes) kills sooner or later; before that it is said what was not done. */
const STOP_TIMEOUT_MS = 10_000;

/** The first signal stops in order, the second at once; stopping that takes too long is given up. */
export function onTermination(log: Logger, stop: () => Promise<void>): void {
  let stopping = false;
  const handle = (signal: NodeJS.Signals): void => {
    const status = signal === 'SIGINT' ? 130 : 143;
    if (stopping) process.exit(status);
    stopping = true;
    log.info('stopping');
    setTimeout(() => {
      log.error(`not stopped within ${STOP_TIMEOUT_MS / 1000} s: giving up`);
      process.exit(1);
    }, STOP_TIMEOUT_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`sonde: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
}
