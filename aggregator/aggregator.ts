import type { Logger } from '../lib/log.js';
import type { ConsumedRecord, Consumer, DeadLetters, PartitionHandler } from '../wire/bus.js';
import { SondeError, type ErrorCode } from '../wire/errors.js';
import type { Host } from './host.js';
import type { AggregatorMetrics } from './metrics.js';
import type { LimitSettings } from './series/limits.js';
import { OwnedPartition } from './owned-partition.js';
import type { Output } from './output/output.js';
import type { Partition } from './partition.js';
import type { RollupSpec } from './rollup/rollup-spec.js';
import type { StateStore } from './state/state-store.js';

/** Frames that are at fault themselves, whoever reads them. */
const DEAD: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['FRAME_MALFORMED', 'FRAME_LIMIT', 'FRAME_UNKNOWN_MAP']);
/** Between two tries to reach the store for a partition's state. */
const RETRY_MS = 1000;
/** What the output may take to find a place for what it was given; also of what is left of the time when leaving. */
const SETTLE_MS = 30_000;
const LEAVING_SETTLE_MS = 3000;
/** Between two log lines of frames left out for one reason. */
const LOG_EVERY_MS = 10_000;

export interface AggregatorOptions extends LimitSettings {
  readonly consumer: Consumer;
  readonly metrics: AggregatorMetrics;
  readonly log: Logger;
  /** Where the state of partitions is kept; without it, it is gone with the process. */
  readonly store?: StateStore;
  /** Time between two writes of the state (default 5000). */
  readonly storeIntervalMs?: number;
  /** A host that has sent nothing for so long, by the bus's clock, has left (default 24 h). */
  readonly hostTtlMs?: number;
  /** Metrics that are summed over hosts. */
  readonly rollups?: readonly RollupSpec[];
  /** Is given every host when a poll of its maps has been applied. */
  readonly output?: Output | undefined;
  /** Where frames go that cannot be applied; without it they are only counted. */
  readonly deadLetters?: DeadLetters;
}

export interface HeldPartition {
  readonly partition: Partition;
  readonly isShown: boolean;
  /** Its state is not written any more, because another has it. */
  readonly isLost: boolean;
}

/** Applies frames to hosts, and hosts' rows and records to series, partition by partition. */
export class Aggregator implements PartitionHandler {
  readonly #options: AggregatorOptions;
  readonly #partitions = new Map<number, OwnedPartition>();
  readonly #loggedAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #storing: Promise<void> | undefined;
  #closed = false;
  /** Since when the store has refused or not answered (ms since 1970); undefined when all is well. */
  storeAwaySinceMs: number | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#options.consumer.start(this);
    if (this.#options.store === undefined) return;
    this.#timer = setInterval(() => void this.#storeAll(), this.#options.storeIntervalMs ?? 5000);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#options.consumer.close();
  }

  /** Hosts whose series may be shown at this moment. */
  shownHosts(): Host[] {
    return this.partitions()
      .filter(({ isShown }) => isShown)
      .flatMap(({ partition }) => [...partition.hosts.values()]);
  }

  /** Partitions that are held, and whether their series may be shown at this moment. */
  partitions(): HeldPartition[] {
    const shown = this.#options.consumer.shown();
    return [...this.#partitions.values()].map(({ number, partition, isLost }) => ({
      partition,
      isShown: shown.has(number),
      isLost,
    }));
  }

  /** Resolves when what is to be shown can be shown, or after `timeoutMs`. */
  settled(timeoutMs: number): Promise<void> {
    return this.#options.consumer.settled(timeoutMs);
  }

  /** See {@link PartitionHandler}. What is in memory goes on where it is, unless another has had the partition meanwhile. */
  async assigned(number: number): Promise<bigint | undefined> {
    const held = this.#partitions.get(number);
    if (held !== undefined && (await this.#isStillOwner(held))) return held.partition.next;
    const { store } = this.#options;
    const owned = new OwnedPartition(number, this.#partitionOptions());
    if (store !== undefined) await this.#untilDone(number, () => owned.take(store));
    this.#partitions.set(number, owned);
    return owned.partition.next;
  }

  apply(number: number, records: readonly ConsumedRecord[]): Promise<void> {
    const owned = this.#partitions.get(number);
    if (owned === undefined) throw new Error(`records of partition ${number}, which is not assigned`);
    return owned.exclusively(async () => {
      for (const record of records) {
        const polled = this.#take(owned, record);
        if (polled !== undefined) await this.#options.output?.polled(polled);
      }
    });
  }

  revoked(number: number): void {
    this.#partitions.delete(number);
  }

  async leaving(): Promise<void> {
    if (this.#options.store === undefined) return;
    await this.#storing;
    await this.#storeAll();
  }

  /**
   * One record: applied, or counted and left. Nothing that a frame says can stop the aggregator. Returns the host when the record
   * ends a poll that its interval has asked for.
   */
  #take({ partition }: OwnedPartition, record: ConsumedRecord): Host | undefined {
    const { metrics } = this.#options;
    try {
      const body = partition.apply(record);
      metrics.frames.inc({ body: body ?? 'none' });
      const host = body === 'health' ? partition.hosts.get(record.key) : undefined;
      return host?.account.health?.onDemand === false ? host : undefined;
    } catch (error) {
      const code =
        error instanceof SondeError ? error.code : error instanceof RangeError ? 'FRAME_MALFORMED' : undefined;
      if (code === undefined) throw error;
      const reason = code.toLowerCase();
      metrics.lost.inc({ hop: 'decode', reason });
      if (DEAD.has(code)) this.#options.deadLetters?.bury({ record, partition: partition.number, reason });
      this.#logLeftOut(record, reason, (error as Error).message);
      return undefined;
    }
  }

  #logLeftOut({ key, value, offset }: ConsumedRecord, reason: string, message: string): void {
    const now = Date.now();
    if (now - (this.#loggedAtMs.get(reason) ?? 0) < LOG_EVERY_MS) return;
    this.#loggedAtMs.set(reason, now);
    this.#options.log.warn(
      { host: key, offset: offset.toString(), reason, bytes: value.length },
      `frame left out (more of this kind within ${LOG_EVERY_MS / 1000} s are only counted): ${message}`,
    );
  }

  /** Without an answer what is in memory stands: it follows from the log alone, whoever had the partition meanwhile. */
  async #isStillOwner(owned: OwnedPartition): Promise<boolean> {
    const { store } = this.#options;
    if (store === undefined) return true;
    try {
      return await owned.isOwner(store);
    } catch (error) {
      this.#storeFailed(error);
      return true;
    }
  }

  /** Tries until it works: without its state a partition cannot be served. */
  async #untilDone(number: number, work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work();
        this.storeAwaySinceMs = undefined;
        return;
      } catch (error) {
        if (error instanceof SondeError && !error.retryable) throw error;
        if (this.#closed) throw error;
        this.#storeFailed(error);
        this.#options.log.warn(`state of partition ${number} cannot be read, trying again: ${String(error)}`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #storeFailed(error: unknown): void {
    this.storeAwaySinceMs ??= Date.now();
    this.#options.metrics.storeErrors.inc();
    this.#options.log.debug(`state store: ${String(error)}`);
  }

  /** Never rejects, and never overlaps itself: a write that takes longer than the interval delays the next. */
  #storeAll(): Promise<void> {
    this.#storing ??= this.#storeEach().finally(() => (this.#storing = undefined));
    return this.#storing;
  }

  async #storeEach(): Promise<void> {
    const { store, consumer, metrics, log } = this.#options;
    if (store === undefined) return;
    for (const owned of [...this.#partitions.values()]) {
      const stop = metrics.storeSeconds.startTimer();
      try {
        if (owned.isLost && consumer.shown().has(owned.number)) await owned.takeAgain(store);
        const outcome = await owned.store(store, () => this.#outputSettled());
        if (outcome.result === 'lost')
          log.warn(`partition ${owned.number} has another owner: its state is not written any more`);
        if (outcome.result !== 'stored') continue;
        stop();
        metrics.storedBytes.inc(outcome.bytes);
        this.storeAwaySinceMs = undefined;
        await consumer.commit(owned.number, outcome.offset);
      } catch (error) {
        this.#storeFailed(error);
        log.warn(`state of partition ${owned.number} is not written, trying again: ${String(error)}`);
      }
    }
  }

  /** Rejects when what the output was given has no place yet: nothing is stored then, and all of it is tried again. */
  async #outputSettled(): Promise<void> {
    const { output } = this.#options;
    if (output === undefined) return;
    const timeoutMs = this.#closed ? LEAVING_SETTLE_MS : SETTLE_MS;
    if (await output.settled(timeoutMs)) return;
    throw new SondeError('TIMEOUT', `the output has not settled within ${timeoutMs} ms`, { stage: 'output' });
  }

  #partitionOptions(): ConstructorParameters<typeof OwnedPartition>[1] {
    const { metricPrefix, maxSeriesPerMetric, limits = [], hostTtlMs, rollups = [], log, metrics } = this.#options;
    return {
      metricPrefix,
      maxSeriesPerMetric,
      limits,
      rollups,
      ...(hostTtlMs !== undefined && { hostTtlMs }),
      onProblem: (host, config, message) =>
        log.error({ host, config }, `metrics of this config are not served: ${message}`),
      onForgotten: () => metrics.forgottenKeys.inc(),
      onExemplarRefused: () => metrics.refusedExemplars.inc(),
    };
  }
}
