import type { FrameClock } from './expiry.js';

/** The newest exemplars of a metric that are kept; the oldest goes for one more. */
const MAX_EXEMPLARS = 10_000;
/** A cell takes an exemplar no more often than this. */
const INTERVAL_MS = 1000;

/** One event, which stands for all that its cell has counted. */
export interface Exemplar {
  /** Such as `trace_id="ab",span_id="cd"`, escaped as labels of series are. */
  readonly labels: Uint8Array;
  /** What the event counted for, in the unit of the metric. */
  readonly value: number;
  /** Milliseconds since 1970: of the frame that brought it. */
  readonly timeMs: number;
}

/** The newest exemplar of each cell of a family: of a counter's series, or of a bucket of a histogram's. Samples: they are not saved. */
export class Exemplars {
  /** The one that was put last comes last. */
  readonly #byCell = new Map<number, Exemplar>();
  readonly #clock: FrameClock;

  constructor(clock: FrameClock) {
    this.#clock = clock;
  }

  get(cell: number): Exemplar | undefined {
    return this.#byCell.get(cell);
  }

  /** Whether the next event of a cell is to be its exemplar. */
  isDue(cell: number): boolean {
    const last = this.#byCell.get(cell);
    return last === undefined || this.#clock.nowMs - last.timeMs >= INTERVAL_MS;
  }

  put(cell: number, labels: Uint8Array, value: number): void {
    this.#byCell.delete(cell);
    if (this.#byCell.size >= MAX_EXEMPLARS) this.#byCell.delete(this.#byCell.keys().next().value!);
    this.#byCell.set(cell, { labels, value, timeMs: Math.round(this.#clock.nowMs) });
  }
}
