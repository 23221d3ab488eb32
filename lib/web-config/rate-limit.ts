export interface RateLimitOptions {
  /** Between two requests, on average. */
  readonly intervalMs: number;
  /** Requests at once after a pause. */
  readonly burst: number;
  /** A clock that only goes forward, in milliseconds. */
  readonly now?: () => number;
}

/** A bucket of tokens, one a request, that fills again with time. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  #tokens: number;
  #filledMs: number;

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#filledMs = this.#now();
  }

  /** Whether one more request may be answered; it counts when it may. */
  take(): boolean {
    const { intervalMs, burst } = this.#options;
    const now = this.#now();
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#filledMs) / intervalMs);
    this.#filledMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #now(): number {
    return (this.#options.now ?? (() => performance.now()))();
  }
}
