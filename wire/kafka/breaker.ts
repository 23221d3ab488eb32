export interface BreakerOptions {
  /** First pause after a failure; doubles with each further one up to `maxPauseMs`. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  /** Milliseconds that never step back. */
  readonly now: () => number;
  /** 0 to 1: pauses are shortened by up to a half, so that a fleet does not come back all at once. */
  readonly random: () => number;
}

/**
 * Keeps callers from waiting for something that is known to be away. After a failure nothing passes for a while; then one
 * call passes as a probe, and what it finds decides for all.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #closedUntil = 0;
  #isProbing = false;
  #lastError: Error | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Why nothing passes, undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Whether a call may pass. A true after a failure is the probe: its caller must tell how it went. */
  tryPass(): boolean {
    if (this.#failures === 0) return true;
    if (this.#isProbing || this.#options.now() < this.#closedUntil) return false;
    this.#isProbing = true;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isProbing = false;
    this.#lastError = undefined;
  }

  failed(error: Error): void {
    const { maxPauseMs, minPauseMs, now, random } = this.#options;
    const pauseMs = Math.min(maxPauseMs, minPauseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    this.#isProbing = false;
    this.#lastError = error;
    this.#closedUntil = now() + pauseMs * (1 - random() / 2);
  }
}

/** How long to wait after the nth failure in a row, counted from 0, of something that is tried for as long as it takes. */
export function pauseMs(failures: number): number {
  return Math.min(10_000, 500 * 2 ** Math.min(failures, 10));
}
