import type { Host } from '../../host.js';
import type { Output } from '../output.js';
import { HostPoints, type HostPointsOptions } from './host-points.js';
import type { InfluxWriter } from './influx-writer.js';
import { PointBuffer } from './point-buffer.js';

export interface InfluxOutputOptions extends HostPointsOptions {
  readonly writer: InfluxWriter;
}

/** Time that encoding may hold the event loop before others get their turn. */
const SLICE_MS = 5;
/** The longest that a point waits for others to travel with. */
const FLUSH_MS = 1000;

/** Writes all series of a host with each of its polls. The hosts of all partitions share batches. */
export class InfluxOutput implements Output {
  readonly #writer: InfluxWriter;
  readonly #points: HostPoints;
  readonly #buffer = new PointBuffer();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ writer, ...options }: InfluxOutputOptions) {
    this.#writer = writer;
    this.#points = new HostPoints(options);
  }

  start(): Promise<void> {
    return this.#writer.start();
  }

  async polled(host: Host): Promise<void> {
    if (this.#closed) return;
    let sliceEnd = performance.now() + SLICE_MS;
    // Lines are whole whenever this awaits: another host's may follow them.
    for (const work = this.#points.write(host, this.#buffer); work.next().done !== true;) {
      await this.#handOverRefused();
      if (this.#buffer.isFull) await this.#flush();
      if (performance.now() < sliceEnd) continue;
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
    this.#timer ??= setTimeout(() => void this.#flush(), FLUSH_MS).unref();
  }

  async settled(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
    const settled = this.#flush().then(() => this.#writer.settled());
    return Promise.race([settled.then(() => true), timeout]).finally(() => clearTimeout(timer));
  }

  /** What is on its way goes into the queue. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#flush();
    await this.#writer.close();
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#buffer.points > 0) await this.#writer.submit(this.#buffer.take());
  }

  /** Those with one reason as one letter. */
  async #handOverRefused(): Promise<void> {
    if (!this.#buffer.hasRefused) return;
    const byReason = new Map<string, Buffer[]>();
    for (const { line, reason } of this.#buffer.takeRefused()) {
      byReason.set(reason, [...(byReason.get(reason) ?? []), line, NEWLINE]);
    }
    for (const [reason, parts] of byReason) {
      await this.#writer.refuse({ lines: Buffer.concat(parts), points: parts.length / 2, reason });
    }
  }
}

const NEWLINE = Buffer.from('\n');
