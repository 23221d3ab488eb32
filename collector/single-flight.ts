/**
 * Runs `work` so that it never overlaps itself: a call made while it runs shares the next run with all others made meanwhile,
 * so that whoever called sees what was there when it called.
 */
export class SingleFlight {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  run(): Promise<void> {
    this.#next ??= this.#start();
    return this.#next;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => undefined);
  }

  async #start(): Promise<void> {
    // Calls of one turn of the event loop go together.
    await new Promise(setImmediate);
    await this.#running?.catch(() => undefined);
    this.#next = undefined;
    this.#running = this.#work();
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
  }
}
