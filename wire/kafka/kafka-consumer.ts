import type { Consumer, PartitionHandler } from '../bus.js';
import { classifyError, SondeError } from '../errors.js';
import { AssignedPartitions, type PartitionStats } from './assigned-partitions.js';
import { pauseMs } from './breaker.js';
import type { KafkaOptions } from './client.js';
import { Lease, SYSTEM_CLOCKS, type Clocks } from './lease.js';
import { Membership, type MembershipEvents } from './membership.js';
import { settledWithin } from './settled-within.js';
import type { SliceLimits } from './slices.js';

export interface KafkaConsumerOptions {
  readonly kafka: KafkaOptions;
  readonly topic: string;
  readonly groupId: string;
  /** After that long without a heartbeat another member gets the partitions; default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Default 1,000; must be less than the session timeout. */
  readonly heartbeatIntervalMs?: number;
  /** What the handler gets at once at most; default 2 MiB or 64 records. */
  readonly slice?: SliceLimits;
  /** Within which `close` ends, whatever brokers and handler do; default 9,000. */
  readonly closeTimeoutMs?: number;
  /** Called when the handler throws: a fault of the program. Its partition is consumed no further. */
  readonly onFault: (error: unknown, partition: number) => void;
  readonly clocks?: Clocks;
}

/** Totals since the start. */
export interface ConsumerStats extends PartitionStats {
  /** Assignments. */
  readonly joins: number;
  /** Memberships that ended and were begun anew. */
  readonly restarts: number;
  readonly commitErrors: number;
}

const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 1000;
const REBALANCE_TIMEOUT_MS = 30_000;
const SLICE: SliceLimits = { maxBytes: 2 * 2 ** 20, maxRecords: 64 };
const CLOSE_TIMEOUT_MS = 9000;
/** Kept of the time for closing, for leaving the group. */
const LEAVE_TIMEOUT_MS = 2000;

const NOTHING: ReadonlySet<number> = new Set();

interface Start {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * A member of a consumer group. Where each partition goes on is what the handler says at each assignment; Kafka's committed
 * offsets are for lag tools only. When a membership ends, a new one is begun, for ever.
 */
export class KafkaConsumer implements Consumer {
  readonly #options: KafkaConsumerOptions;
  readonly #sessionTimeoutMs: number;
  readonly #lease: Lease;
  readonly #waiters = new Set<() => void>();
  readonly #stats = { joins: 0, restarts: 0, commitErrors: 0 };
  #handler: PartitionHandler | undefined;
  #partitions: AssignedPartitions | undefined;
  #membership: Membership | undefined;
  #isJoining = true;
  #failures = 0;
  #problem: SondeError | undefined;
  #lastGoodMs = 0;
  #start: Start | undefined;
  #watch: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;
  #hasLeft = false;

  constructor(options: KafkaConsumerOptions) {
    this.#options = options;
    this.#sessionTimeoutMs = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS;
    this.#lease = new Lease(this.#sessionTimeoutMs, options.clocks ?? SYSTEM_CLOCKS);
  }

  get stats(): ConsumerStats {
    const none = { batch_malformed: 0, batch_too_large: 0, codec_unknown: 0 };
    return { records: 0, bytes: 0, gaps: 0, unreadable: none, ...this.#partitions?.stats, ...this.#stats };
  }

  /** Of the topic; undefined before the first assignment. */
  get partitionCount(): number | undefined {
    return this.#partitions?.partitionCount;
  }

  /** What is wrong at present, if anything: no membership, a partition that cannot be begun or has been given up. */
  get lastError(): SondeError | undefined {
    return this.#problem ?? this.#partitions?.lastError;
  }

  /** Records of each partition of this member that are in the log and have not been handed over. */
  lags(): ReadonlyMap<number, bigint> {
    return this.#partitions?.lags() ?? new Map<number, bigint>();
  }

  /**
   * As {@link Consumer.start}. Tries for as long as it takes, but rejects when what is wrong at first is not going to mend
   * itself: `KAFKA_AUTH`, `KAFKA_TOPIC`, `KAFKA_REFUSED`.
   */
  start(handler: PartitionHandler): Promise<void> {
    const { kafka, onFault, slice = SLICE } = this.#options;
    this.#handler = handler;
    this.#partitions = new AssignedPartitions({
      ...{ handler, slice, onFault, log: kafka.log },
      onChange: () => this.#checkWaiters(),
    });
    this.#watch = setInterval(() => this.#checkAlive(), this.#sessionTimeoutMs / 2).unref();
    return new Promise((resolve, reject) => {
      this.#start = { resolve, reject };
      this.#join();
    });
  }

  shown(): ReadonlySet<number> {
    if (this.#isJoining || this.#hasLeft || !this.#lease.isHeld) return NOTHING;
    return this.#partitions?.readUp() ?? NOTHING;
  }

  settled(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.#isSettled()) done();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiters.add(check);
      check();
    });
  }

  async commit(partition: number, offset: bigint): Promise<void> {
    if (this.#partitions?.has(partition) !== true) return;
    try {
      await this.#membership?.commit(partition, offset);
    } catch (error) {
      // Usual while the group rebalances; nothing but the picture that lag tools have depends on it.
      this.#stats.commitErrors++;
      this.#options.kafka.log.debug({ partition }, `commit: ${(error as Error).message}`);
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { closeTimeoutMs = CLOSE_TIMEOUT_MS, kafka } = this.#options;
    const endMs = performance.now() + closeTimeoutMs;
    const leftMs = (): number => Math.max(0, endMs - performance.now());
    clearInterval(this.#watch);
    clearTimeout(this.#restart);
    this.#start?.reject(
      new SondeError('CLOSED', 'kafka consumer: closed before it was a member', { stage: 'consume' }),
    );
    const left = (async () => {
      await this.#partitions?.finish();
      await this.#handler?.leaving();
    })();
    left.catch((error: unknown) => kafka.log.error({}, `leaving the group: ${classifyError(error).message}`));
    const isDone = await settledWithin(left, leftMs() - LEAVE_TIMEOUT_MS);
    if (!isDone) kafka.log.warn({}, 'leaving the group although the last records are not done with');
    this.#hasLeft = true;
    await this.#membership?.leave(leftMs());
    this.#membership = undefined;
    this.#checkWaiters();
  }

  #join(): void {
    const { groupId, heartbeatIntervalMs = HEARTBEAT_INTERVAL_MS, kafka, topic } = this.#options;
    const options = {
      ...{ groupId, heartbeatIntervalMs, kafka, topic, sessionTimeoutMs: this.#sessionTimeoutMs },
      rebalanceTimeoutMs: Math.max(REBALANCE_TIMEOUT_MS, this.#sessionTimeoutMs),
    };
    const membership: Membership = new Membership(
      options,
      this.#events(() => membership),
    );
    this.#lastGoodMs = performance.now();
    this.#membership = membership;
    void membership.start();
  }

  /** Of a membership, heard only while it is the present one. */
  #events(membership: () => Membership): MembershipEvents {
    const isPresent = (): boolean => this.#membership === membership();
    return {
      joining: () => isPresent() && this.#joining(),
      joined: (partitions) => isPresent() && this.#joined(membership(), partitions),
      answered: (createdMs) => isPresent() && this.#lease.answered(createdMs),
      heartbeat: () => isPresent() && this.#heartbeat(),
      fetched: async (fetched) => {
        if (isPresent()) await this.#partitions!.fetched(fetched);
      },
      steppedOver: (partition, first, next) => isPresent() && this.#partitions!.steppedOver(partition, first, next),
      ended: (error) => isPresent() && this.#ended(membership(), error),
    };
  }

  #joining(): void {
    this.#isJoining = true;
    this.#lease.drop();
  }

  #heartbeat(): void {
    this.#lease.confirm();
    this.#lastGoodMs = performance.now();
  }

  #joined(membership: Membership, partitions: readonly number[]): void {
    if (this.#closed !== undefined) return;
    const { groupId, kafka, topic } = this.#options;
    this.#stats.joins++;
    this.#failures = 0;
    this.#isJoining = false;
    this.#problem = undefined;
    this.#heartbeat();
    this.#partitions!.assign(membership, partitions);
    kafka.log.info({ groupId, topic, partitions: partitions.join(',') }, 'joined the group');
    this.#start?.resolve();
    this.#start = undefined;
    this.#checkWaiters();
  }

  #ended(membership: Membership, error: Error): void {
    if (this.#closed !== undefined) return;
    const problem = classifyError(error, 'consume');
    if (this.#problem?.message !== problem.message) {
      this.#options.kafka.log.warn({}, `not in the group: ${problem.message}`);
    }
    this.#problem = problem;
    this.#stats.restarts++;
    this.#joining();
    this.#partitions!.suspend();
    this.#membership = undefined;
    membership.abandon();
    if (this.#start !== undefined && !problem.retryable) {
      clearInterval(this.#watch);
      this.#start.reject(problem);
      return;
    }
    this.#restart = setTimeout(() => this.#join(), pauseMs(this.#failures++));
  }

  /** kafkajs has been seen to wait for ever for answers that never come. */
  #checkAlive(): void {
    const limitMs = Math.max(REBALANCE_TIMEOUT_MS, this.#sessionTimeoutMs) + 2 * this.#sessionTimeoutMs;
    const silentMs = performance.now() - this.#lastGoodMs;
    if (this.#membership === undefined || silentMs < limitMs) return;
    const message = `kafka: no heartbeat for ${Math.round(silentMs)} ms`;
    this.#ended(this.#membership, new SondeError('KAFKA_AWAY', message, { stage: 'consume' }));
  }

  #isSettled(): boolean {
    return this.#hasLeft || (!this.#isJoining && this.#partitions?.isReadUp === true);
  }

  #checkWaiters(): void {
    for (const check of this.#waiters) check();
  }
}
