import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../../lib/log.js';
import { writeBatch, type Written } from './batch-writer.js';
import type { DeadLetter, DurableQueue } from './durable-queue.js';
import type { InfluxLink } from './influx-link.js';
import type { Batch } from './point-buffer.js';

export interface InfluxWriterOptions {
  readonly link: Pick<InfluxLink, 'send'>;
  readonly queue: DurableQueue;
  readonly log: Logger;
  /** Of batches that are on their way, or that the queue does not take; beyond, they go to the queue, or are lost (default 32 MiB). */
  readonly maxBytes?: number;
  /** The most that is sent of what has waited, while new batches are written beside it (default 8 MiB/s). */
  readonly drainBytesPerSecond?: number;
  /** First pause after a failure; each further one doubles it (default 1 s, up to a minute). */
  readonly pauseMs?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** Points, since the start. */
export interface WriterStats {
  in: number;
  written: number;
  /** On their way, or without a place because the queue does not take them. */
  readonly pending: number;
  readonly lost: ReadonlyMap<string, number>;
  /** Requests that did not get through. */
  failures: number;
}

const MAX_BYTES = 32 * 2 ** 20;
const DRAIN_BYTES_PER_SECOND = 8 * 2 ** 20;
const PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** A server may ask for more patience than is good. */
const MAX_RETRY_AFTER_MS = 600_000;
/** Requests with new batches that are under way at once. */
const MAX_UNDER_WAY = 2;
/** Between two looks at an empty queue. */
const IDLE_MS = 1000;

/**
 * Brings batches to InfluxDB, or, while it is away, busy, or slower than they come, into a durable queue, from which they are
 * written later. Nobody who hands one over ever waits for InfluxDB.
 */
export class InfluxWriter {
  readonly #options: InfluxWriterOptions;
  readonly #closing = new AbortController();
  /** Batches that have no place yet. */
  readonly #placing = new Set<Promise<void>>();
  #bytes = 0;
  #underWay = 0;
  /** Of those that wait for one under way to end. */
  readonly #turns: (() => void)[] = [];
  #isQueueFailing = false;
  #pending = 0;
  #pauses = 0;
  #awayUntilMs = 0;
  #draining: Promise<void> | undefined;
  readonly #lost = new Map<string, number>();
  readonly #stats = { in: 0, written: 0, failures: 0 };
  /** Since when InfluxDB takes nothing (ms since 1970); undefined when it does. */
  awaySinceMs: number | undefined;

  constructor(options: InfluxWriterOptions) {
    this.#options = options;
  }

  get stats(): WriterStats {
    return { ...this.#stats, pending: this.#pending, lost: this.#lost };
  }

  async start(): Promise<void> {
    await this.#options.queue.start();
    // Of an earlier run, also what was found damaged.
    const { waiting, lost, shared } = this.#options.queue.stats();
    if (shared === undefined) this.#stats.in += [...lost].reduce((sum, [, points]) => sum + points, waiting.points);
    this.#draining = this.#drain();
  }

  /**
   * Takes a batch. Resolves when the next may come: at once, or, while batches come faster than the queue takes them, a moment
   * later. Never waits for InfluxDB, never rejects.
   */
  async submit(batch: Batch): Promise<void> {
    await this.#roomFor(batch);
    // Half of the memory is for what waits its turn, the rest for what is on its way into the queue.
    const isDirect = this.#mayWrite && this.#bytes + batch.lines.length <= this.#maxBytes / 2;
    this.#place(batch, isDirect ? () => this.#writeInTurn(batch) : () => this.#keep(batch));
  }

  /** Takes points that can never be written; as {@link submit}. */
  async refuse(letter: DeadLetter): Promise<void> {
    await this.#roomFor(letter);
    this.#place(letter, () => this.#bury(letter));
  }

  /** Resolves when all that was taken before is in InfluxDB, in the queue, among the dead letters, or counted as lost. */
  async settled(): Promise<void> {
    await Promise.all(this.#placing);
  }

  /** Lets what is on its way go into the queue instead. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
    await this.#draining;
    await this.#options.queue.close();
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? MAX_BYTES;
  }

  get #mayWrite(): boolean {
    return this.awaySinceMs === undefined && !this.#closing.signal.aborted;
  }

  async #roomFor({ lines }: Batch): Promise<void> {
    const isFull = (): boolean => this.#bytes > 0 && this.#bytes + lines.length > this.#maxBytes;
    while (isFull() && !this.#isQueueFailing) await Promise.race(this.#placing);
  }

  /** Until `work` has found a place for the batch it takes memory. */
  #place({ lines, points }: Batch, work: () => Promise<void>): void {
    this.#stats.in += points;
    this.#pending += points;
    if (this.#isQueueFailing && this.#bytes + lines.length > this.#maxBytes) {
      this.#lose('no_room', points);
      return;
    }
    this.#bytes += lines.length;
    const placed = work().finally(() => {
      this.#bytes -= lines.length;
      this.#placing.delete(placed);
    });
    this.#placing.add(placed);
  }

  /** Waits until few requests are under way; what InfluxDB does not take goes to the queue. */
  async #writeInTurn(batch: Batch): Promise<void> {
    // The turn ends first: finding a place may take long, and may need a turn itself.
    const { dead, later } = await this.#inTurn(() => this.#writeNow(batch));
    for (const letter of dead) await this.#bury(letter);
    for (const one of later) await this.#keep(one);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay < MAX_UNDER_WAY) this.#underWay++;
    else await new Promise<void>((resolve) => this.#turns.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#underWay--;
      else next();
    }
  }

  async #writeNow(batch: Batch): Promise<Pick<Written, 'dead' | 'later'>> {
    // InfluxDB may have gone meanwhile.
    if (!this.#mayWrite) return { dead: [], later: [batch] };
    const written = await this.#write(batch);
    this.#stats.written += written.points;
    this.#pending -= written.points;
    return written;
  }

  async #write(batch: Batch): Promise<Written> {
    const written = await writeBatch(batch, (lines) => this.#options.link.send(lines, this.#closing.signal));
    if (written.later.length > 0) this.#failed(written);
    else this.#worked();
    return written;
  }

  /** Tries until the queue takes it, or InfluxDB does, or this is closed. */
  async #keep(batch: Batch): Promise<void> {
    const isKept = await this.#untilKept(
      batch,
      () => this.#options.queue.add(batch),
      () => this.#mayWrite,
    );
    if (!isKept) await this.#writeInTurn(batch);
  }

  async #bury(letter: DeadLetter): Promise<void> {
    await this.#untilKept(
      letter,
      () => this.#options.queue.bury(letter),
      () => false,
    );
  }

  /** Resolves with false when `isOver` before it is kept. */
  async #untilKept({ points }: Batch, work: () => Promise<void>, isOver: () => boolean): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      try {
        await work();
        this.#pending -= points;
        this.#isQueueFailing = false;
        return true;
      } catch (error) {
        this.#isQueueFailing = true;
        if (tries === 0) this.#options.log.error(`queue of InfluxDB takes nothing, trying on: ${String(error)}`);
        if (this.#closing.signal.aborted) {
          this.#lose('closed', points);
          return true;
        }
      }
      await this.#sleep(Math.min(PAUSE_MS * 2 ** tries, MAX_PAUSE_MS));
      if (isOver()) return false;
    }
  }

  /** Writes what waits, one batch after the other, at a bounded rate. */
  async #drain(): Promise<void> {
    const { queue, log, drainBytesPerSecond = DRAIN_BYTES_PER_SECOND } = this.#options;
    while (!this.#closing.signal.aborted) {
      const patienceMs = this.#awayUntilMs - performance.now();
      if (patienceMs > 0) {
        await this.#sleep(patienceMs);
        continue;
      }
      try {
        const bytes = await this.#drainOne(queue);
        await this.#sleep(bytes === 0 ? IDLE_MS : (bytes / drainBytesPerSecond) * 1000);
      } catch (error) {
        log.warn(`queue of InfluxDB cannot be read, trying on: ${String(error)}`);
        // The next batch will tell whether InfluxDB is still away.
        this.awaySinceMs = undefined;
        await this.#sleep(IDLE_MS);
      }
    }
  }

  /** Returns the bytes that it has written; 0 when nothing waits. */
  async #drainOne(queue: DurableQueue): Promise<number> {
    const taken = await queue.take();
    if (taken === undefined) {
      // Nothing is left to try InfluxDB with: the next batch will.
      this.awaySinceMs = undefined;
      return 0;
    }
    let isDone = false;
    try {
      const written = await this.#write(taken.batch);
      if (written.later.length > 0) return taken.batch.lines.length;
      if (await taken.done(written.dead)) this.#stats.written += written.points;
      isDone = true;
      return taken.batch.lines.length;
    } finally {
      // All of it comes again, also what was written of it.
      if (!isDone) await taken.giveBack();
    }
  }

  #failed({ reason, retryAfterMs }: Written): void {
    if (this.#closing.signal.aborted) return;
    const { log, pauseMs = PAUSE_MS, random = Math.random } = this.#options;
    this.#stats.failures++;
    if (this.awaySinceMs === undefined) log.warn(`InfluxDB takes no points, which wait in the queue: ${reason}`);
    this.awaySinceMs ??= Date.now();
    // Half of it by chance: many aggregators must not come back at once.
    const backoffMs = Math.min(pauseMs * 2 ** this.#pauses++, MAX_PAUSE_MS) * (0.5 + random() / 2);
    const untilMs = performance.now() + Math.max(backoffMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
    this.#awayUntilMs = Math.max(this.#awayUntilMs, untilMs);
  }

  #worked(): void {
    if (this.awaySinceMs !== undefined) this.#options.log.info('InfluxDB takes points again');
    this.awaySinceMs = undefined;
    this.#pauses = 0;
    this.#awayUntilMs = 0;
  }

  #lose(reason: string, points: number): void {
    this.#pending -= points;
    this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + points);
    this.#options.log.error({ points, reason }, 'points for InfluxDB are lost');
  }

  /** Cut short by closing. */
  async #sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
  }
}
