import { setTimeout as sleep } from 'node:timers/promises';
import { isLower, probeSeries, type Series } from './series.js';

/** What was seen wrong. */
export interface Fall {
  readonly series: string;
  readonly before: string;
  readonly after: string;
  readonly url: string;
}

const TIMEOUT_MS = 8000;

/**
 * Reads all aggregators, one after the other, again and again, as one pair of eyes: a counter must never be lower than it was seen
 * before, whoever showed it.
 */
export class FleetScraper {
  readonly #urls: () => readonly string[];
  /** Gauges go up and down. */
  readonly #isCounter: (series: string) => boolean;
  readonly #seen: Series = new Map();
  readonly falls: Fall[] = [];
  scrapes = 0;
  failures = 0;
  #running: Promise<void> | undefined;
  #isStopped = false;

  /** `urls` of the aggregators there are at the moment, such as `http://127.0.0.1:9435`. */
  constructor(urls: () => readonly string[], isCounter: (series: string) => boolean) {
    this.#urls = urls;
    this.#isCounter = isCounter;
  }

  start(pauseMs = 200): void {
    this.#running = this.#run(pauseMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** One reading of all aggregators: every series that any of them shows. */
  async read(): Promise<Series> {
    const all: Series = new Map();
    for (const url of this.#urls()) for (const [key, value] of await this.#scrape(url)) all.set(key, value);
    return all;
  }

  async #run(pauseMs: number): Promise<void> {
    while (!this.#isStopped) {
      await this.read();
      await sleep(pauseMs);
    }
  }

  async #scrape(url: string): Promise<Series> {
    let text: string;
    try {
      const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      text = await response.text();
      if (response.status !== 200) throw new Error(`status ${response.status}`);
    } catch {
      // It was killed or stopped, which is what this is about.
      this.failures++;
      return new Map();
    }
    this.scrapes++;
    const series = probeSeries(text);
    for (const [key, after] of series) {
      if (!this.#isCounter(key)) continue;
      const before = this.#seen.get(key);
      if (before !== undefined && isLower(before, after)) this.falls.push({ series: key, before, after, url });
      this.#seen.set(key, after);
    }
    return series;
  }
}
