import type { Consumer, EachBatchPayload, PartitionAssigner } from 'kafkajs';
import { useAdmin } from './admin.js';
import { KafkaClient, type KafkaOptions } from './client.js';
import { kafkaError, type KafkaContext } from './errors.js';
import { loadKafkaJs } from './kafkajs.js';
import type { ClosedBatch } from './record-batch.js';
import { settledWithin } from './settled-within.js';

export interface MembershipOptions {
  readonly kafka: KafkaOptions;
  readonly topic: string;
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** Records of one partition as one fetch brought them. */
export interface Fetched {
  readonly partition: number;
  /** Where the fetch was told to begin. */
  readonly fetchedOffset: bigint;
  readonly batches: readonly Pick<ClosedBatch, 'open'>[];
  /** Offset after the last record, also when that is one of the broker's own. */
  readonly nextOffset: bigint;
  readonly endOffset: bigint;
  /** Whether records are still wanted of this membership. */
  isWanted(): boolean;
  /** Records before this offset are not fetched again. */
  resolve(offset: bigint): void;
  /** Rejects when the group is rebalancing: that must reach kafkajs. */
  heartbeat(): Promise<void>;
}

/** What happens to a member. All but `fetched` are called synchronously, before kafkajs goes on. */
export interface MembershipEvents {
  /** The group is rebalancing, or this is about to ask to be a member. */
  joining(): void;
  joined(partitions: readonly number[]): void;
  /** An answer to a request that prolongs the session has come, made at that time by the wall clock. */
  answered(createdMs: number): void;
  /** It was a good one. */
  heartbeat(): void;
  /** Handed over by one call at a time for a partition. What this rejects with ends the membership, unless it is kafkajs's own. */
  fetched(fetched: Fetched): Promise<void>;
  /** The broker's own records, which nobody is handed; kafkajs has stepped over them. */
  steppedOver(partition: number, firstOffset: bigint, nextOffset: bigint): void;
  /** The end, for good. */
  ended(error: Error): void;
}

/** Where a partition's log begins and ends. */
export interface LogBounds {
  readonly low: bigint;
  readonly high: bigint;
}

/** A fetch waits that long for records; heartbeats go out between fetches. */
const MAX_FETCH_WAIT_MS = 500;
/** The most a batch of a topic of ours can be: with less, a partition that is not the first of a fetch would never advance. */
const MAX_PARTITION_BYTES = 1_048_588;
/** Of one fetch from one broker, compressed. */
const MAX_FETCH_BYTES = 16 * 2 ** 20;
/** How many partitions are handed over at once while their handlers wait for something. */
const CONCURRENT_PARTITIONS = 8;

/** One life of a kafkajs consumer as member of a group. It ends with the first error that kafkajs does not get over. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #events: MembershipEvents;
  readonly #client: KafkaClient;
  readonly #consumer: Consumer;
  readonly #context: KafkaContext;

  constructor(options: MembershipOptions, events: MembershipEvents) {
    const { groupId, heartbeatIntervalMs, kafka, rebalanceTimeoutMs, sessionTimeoutMs, topic } = options;
    this.#options = options;
    this.#events = events;
    this.#client = new KafkaClient(kafka);
    this.#context = { stage: 'consume', brokers: kafka.brokers, topic };
    this.#consumer = this.#client.kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: Math.min(MAX_FETCH_WAIT_MS, Math.ceil(heartbeatIntervalMs / 2)),
      maxBytesPerPartition: MAX_PARTITION_BYTES,
      maxBytes: MAX_FETCH_BYTES,
      // Nothing of ours writes in transactions; one that hangs must not hold the log up.
      readUncommitted: true,
      allowAutoTopicCreation: false,
      partitionAssigners: [announcedRoundRobin(() => events.joining())],
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    this.#listen();
  }

  /** Resolves when this is a member, or has ended ({@link MembershipEvents.ended}). Never rejects. */
  async start(): Promise<void> {
    try {
      await this.#consumer.connect();
      await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
        eachBatch: (payload) => this.#events.fetched(fetchedOf(payload)),
      });
    } catch (error) {
      this.#events.ended(kafkaError(error, this.#context));
    }
  }

  pause(partitions: readonly number[]): void {
    this.#consumer.pause([{ topic: this.#options.topic, partitions: [...partitions] }]);
  }

  resume(partition: number): void {
    this.#consumer.resume([{ topic: this.#options.topic, partitions: [partition] }]);
  }

  seek(partition: number, offset: bigint): void {
    this.#consumer.seek({ topic: this.#options.topic, partition, offset: offset.toString() });
  }

  /** Rejects with a SondeError. */
  async commit(partition: number, offset: bigint): Promise<void> {
    try {
      await this.#consumer.commitOffsets([{ topic: this.#options.topic, partition, offset: offset.toString() }]);
    } catch (error) {
      throw kafkaError(error, this.#context);
    }
  }

  /** Of all partitions of the topic. Rejects with a SondeError. */
  async bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    try {
      const offsets = await useAdmin(this.#client, (admin) => admin.fetchTopicOffsets(this.#options.topic));
      return new Map(offsets.map(({ high, low, partition }) => [partition, { low: BigInt(low), high: BigInt(high) }]));
    } catch (error) {
      throw kafkaError(error, this.#context);
    }
  }

  /** Leaves the group, or lets the session run out when that takes longer. */
  async leave(timeoutMs: number): Promise<void> {
    await settledWithin(this.#consumer.disconnect(), timeoutMs);
    this.#client.abandon();
  }

  /** Ends at once whatever is under way, without a word to the group. */
  abandon(): void {
    this.#client.abandon();
    void settledWithin(this.#consumer.disconnect(), 0);
  }

  #listen(): void {
    const { topic } = this.#options;
    const { events } = this.#consumer;
    this.#consumer.on(events.REBALANCING, () => this.#events.joining());
    this.#consumer.on(events.REQUEST, ({ payload: { apiName, createdAt } }) => {
      if (apiName === 'Heartbeat' || apiName === 'SyncGroup') this.#events.answered(createdAt);
    });
    this.#consumer.on(events.HEARTBEAT, () => this.#events.heartbeat());
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      const partitions = payload.memberAssignment[topic] ?? [];
      // At once: after an await it would be too late, the next fetch begins.
      this.pause(partitions);
      this.#events.joined(partitions);
    });
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      const lastOffset = BigInt(payload.lastOffset);
      // Null when all that came was before the offset asked for.
      const firstOffset = (payload.firstOffset as string | null) ?? lastOffset;
      this.#events.steppedOver(payload.partition, BigInt(firstOffset), lastOffset + 1n);
    });
    this.#consumer.on(events.CRASH, ({ payload }) => this.#events.ended(kafkaError(payload.error, this.#context)));
  }
}

/** kafkajs's only assigner; it is asked for its protocol right before each request to join, which nothing else tells. */
function announcedRoundRobin(announce: () => void): PartitionAssigner {
  return (config) => {
    const roundRobin = loadKafkaJs().PartitionAssigners.roundRobin(config);
    return {
      ...roundRobin,
      assign: (group) => roundRobin.assign(group),
      protocol: (subscription) => {
        announce();
        return roundRobin.protocol(subscription);
      },
    };
  };
}

function fetchedOf(payload: EachBatchPayload): Fetched {
  const { batch } = payload;
  // Not in kafkajs's types.
  const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
  return {
    partition: batch.partition,
    fetchedOffset: BigInt(fetchedOffset),
    batches: batch.messages as readonly unknown[] as readonly ClosedBatch[],
    nextOffset: BigInt(batch.lastOffset()) + 1n,
    endOffset: BigInt(batch.highWatermark),
    isWanted: () => payload.isRunning() && !payload.isStale(),
    resolve: (offset) => payload.resolveOffset((offset - 1n).toString()),
    heartbeat: () => payload.heartbeat(),
  };
}
