/** One bus record: one encoded Frame. */
export interface BusRecord {
  /** Host id; decides the partition, so that a host's frames stay in order. */
  readonly key: string;
  readonly value: Uint8Array;
}

/** Where a collector sends frames to. */
export interface Publisher {
  /**
   * Sends records in order. Resolves once the bus has taken responsibility for all of them (memory: applied by the
   * consumer; Kafka: acknowledged by all in-sync replicas); rejects when it is unknown whether it has any.
   */
  publish(records: readonly BusRecord[]): Promise<void>;
  /** Waits for what is under way, then lets go. Idempotent. */
  close(): Promise<void>;
}

/** A record as a consumer gets it. */
export interface ConsumedRecord extends BusRecord {
  /** Its place in its partition. */
  readonly offset: bigint;
  /** When the bus took it, in ms since 1970: of one clock for all hosts, and the same for whoever reads it again. */
  readonly timestampMs: number;
}

/** What an aggregator does with the partitions it is given. Calls for one partition never overlap. */
export interface PartitionHandler {
  /**
   * The partition is this member's. Called after every rebalance, also for partitions that it had before. Resolves with the
   * offset to go on from, undefined for the oldest record there is; records come only afterwards.
   */
  assigned(partition: number): Promise<bigint | undefined>;
  /** Records of one partition, in order, without a gap since the last call. Throws only for what must stop consumption. */
  apply(partition: number, records: readonly ConsumedRecord[]): Promise<void>;
  /** The partition is another member's now, or nobody's. */
  revoked(partition: number): void;
  /** The consumer is closing: no records come any more, but offsets can still be committed until this resolves. */
  leaving(): Promise<void>;
}

/** Where an aggregator gets frames from. */
export interface Consumer {
  /** Resolves once this is a member. */
  start(handler: PartitionHandler): Promise<void>;
  /**
   * Partitions whose series may be shown: this member's for certain at this moment (no rebalance is under way, and the last
   * heartbeat that succeeded is younger than the session timeout), and read up to the high watermark seen at assignment.
   */
  shown(): ReadonlySet<number>;
  /** Resolves when no rebalance is under way and all partitions are read up to their watermarks, or after `timeoutMs`. */
  settled(timeoutMs: number): Promise<void>;
  /** Tells the bus how far a partition is done with, for lag tools only: where to go on is what `assigned` says. */
  commit(partition: number, offset: bigint): Promise<void>;
  /** Hands over no more records, lets the handler store what it has ({@link PartitionHandler.leaving}), and leaves. Idempotent. */
  close(): Promise<void>;
}

/** A record that could not be applied, and why. */
export interface DeadLetter {
  readonly record: ConsumedRecord;
  readonly partition: number;
  /** From a closed set, such as `frame_malformed`. */
  readonly reason: string;
}

/** Where records go that cannot be applied. */
export interface DeadLetters {
  /** Never blocks and never throws: what there is no room for is counted as lost. */
  bury(letter: DeadLetter): void;
  /** Sends what waits, within a few seconds, then lets go. Idempotent. */
  close(): Promise<void>;
}
