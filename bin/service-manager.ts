import type { Logger } from '../lib/log.js';
import type { Native } from '../native/types.js';

/** A read of all maps takes no longer, also with brokers that do not answer; beyond that it hangs. */
const POLL_MAX_MS = 120_000;

export interface ServiceManagerOptions {
  readonly log: Logger;
  readonly native: Pick<Native, 'sendDatagram'>;
  readonly environment?: NodeJS.ProcessEnv;
  readonly pid?: number;
}

/** Tells whoever started this process, such as systemd, how it is: the protocol of sd_notify(3). Nobody, when nobody asked for it. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #socket: string | undefined;
  readonly #watchdogMs: number;
  #hasFailed = false;

  constructor(options: ServiceManagerOptions) {
    const { environment = process.env, pid = process.pid } = options;
    this.#options = options;
    this.#socket = environment['NOTIFY_SOCKET'] || undefined;
    const isOurs = [undefined, '', String(pid)].includes(environment['WATCHDOG_PID']);
    this.#watchdogMs = isOurs ? Number(environment['WATCHDOG_USEC'] ?? 0) / 1000 : 0;
  }

  /**
   * It serves; `status` is one line for people. From now on it also says that it is alive, twice in the time that it is given for that, as long as the event loop
   * turns and the reads that `pollAgeMs` tells of come to their end.
   */
  ready(status: string, pollAgeMs: () => number = () => 0): void {
    this.#send(`READY=1\nSTATUS=${status}`);
    if (this.#socket === undefined || !(this.#watchdogMs > 0)) return;
    const sayAlive = (): void => {
      if (pollAgeMs() <= POLL_MAX_MS) this.#send('WATCHDOG=1');
    };
    sayAlive();
    setInterval(sayAlive, this.#watchdogMs / 2).unref();
  }

  stopping(): void {
    this.#send('STOPPING=1\nSTATUS=stopping');
  }

  #send(text: string): void {
    if (this.#socket === undefined) return;
    try {
      this.#options.native.sendDatagram(this.#socket, text);
      this.#hasFailed = false;
    } catch (error) {
      // Said once: it may fail twice a second.
      if (!this.#hasFailed) this.#options.log.warn(`NOTIFY_SOCKET: ${(error as Error).message}`);
      this.#hasFailed = true;
    }
  }
}
