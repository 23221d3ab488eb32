const MIN_MS = 250;
const MAX_MS = 5000;

/** Calls again and again while something is wrong: soon at first, later seldom, and not all hosts of a fleet at once. */
export class RetryTimer {
  readonly #call: () => void;
  readonly #random: () => number;
  #timer: NodeJS.Timeout | undefined;
  #delayMs = MIN_MS;

  /** `random`: 0 to 1. */
  constructor(call: () => void, random: () => number) {
    this.#call = call;
    this.#random = random;
  }

  /** The next call, unless one is due already. */
  schedule(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#call();
      },
      this.#delayMs * (0.5 + this.#random() / 2),
    );
    this.#timer.unref();
    this.#delayMs = Math.min(this.#delayMs * 2, MAX_MS);
  }

  /** All is well. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#delayMs = MIN_MS;
  }
}
