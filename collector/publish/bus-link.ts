import type { BusRecord, Publisher } from '../../wire/bus.js';
import { SondeError } from '../../wire/errors.js';

/** The bus is known to be away: nothing was tried. */
export class BusAwayError extends SondeError {
  constructor(what: string) {
    super('NETWORK', `the bus is away: ${what}`, { stage: 'publish' });
  }
}

export interface BusLinkOptions {
  readonly bus: Publisher;
  /** Told of each publish that failed. */
  readonly onFailure: (error: unknown) => void;
  /** Told when it went away (`error` says how) and when it came back. */
  readonly onChange: (isUp: boolean, error?: unknown) => void;
}

/** The bus, and whether it takes anything: the last publish that ended says so. */
export class BusLink {
  readonly #options: BusLinkOptions;
  isUp = true;

  constructor(options: BusLinkOptions) {
    this.#options = options;
  }

  /** As {@link Publisher.publish}. */
  async publish(records: readonly BusRecord[]): Promise<void> {
    try {
      await this.#options.bus.publish(records);
    } catch (error) {
      this.#options.onFailure(error);
      if (!isRefusedForGood(error)) this.#set(false, error);
      throw error;
    }
    this.#set(true);
  }

  #set(isUp: boolean, error?: unknown): void {
    if (this.isUp === isUp) return;
    this.isUp = isUp;
    this.#options.onChange(isUp, error);
  }
}

/** Whether it is these records that the bus does not take, however often they are sent. */
export function isRefusedForGood(error: unknown): boolean {
  return error instanceof SondeError && error.code === 'RECORD_TOO_LARGE';
}
