import { createHash } from 'node:crypto';

export interface KeyframeScheduleOptions {
  /** Time between two; Infinity: none after the first. */
  readonly intervalMs: number;
  /** Decides when, within the interval, this host's turn is: a fleet that is started at once does not say everything at once. */
  readonly hostId: string;
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number;
}

/** When everything is to be said again: Manifest, Lookups, all rows. At first at once. */
export class KeyframeSchedule {
  readonly #options: KeyframeScheduleOptions;
  #dueAt = -Infinity;
  #isFirst = true;

  constructor(options: KeyframeScheduleOptions) {
    this.#options = options;
  }

  get isDue(): boolean {
    return this.#options.now() >= this.#dueAt;
  }

  /** As soon as it can be. */
  demand(): void {
    this.#dueAt = -Infinity;
  }

  /** One has got through. The second comes after half an interval to a whole one. */
  done(): void {
    const { intervalMs, hostId, now } = this.#options;
    this.#dueAt = now() + (this.#isFirst ? intervalMs * (0.5 + fractionOf(hostId) / 2) : intervalMs);
    this.#isFirst = false;
  }
}

/** 0 to 1, the same for the same text. */
function fractionOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0) / 2 ** 32;
}
