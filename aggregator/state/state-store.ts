/** Of the sections' bytes, stored with them. To be raised when a Sonde of before could not read them any more. */
export const STATE_FORMAT = 1;

/** What is stored of one partition: bytes by section name, all of them as they were at one offset. */
export interface StoredPartition {
  /** Offset of the first record that is not part of it. */
  readonly offset: bigint;
  readonly sections: ReadonlyMap<string, Uint8Array>;
}

export interface TakenPartition {
  /** Larger than that of every owner before. */
  readonly epoch: bigint;
  /** Undefined when nothing has been stored yet. */
  readonly stored: StoredPartition | undefined;
}

/** What has changed of a partition since it was stored last. */
export interface PartitionChange {
  readonly offset: bigint;
  readonly put: ReadonlyMap<string, Uint8Array>;
  readonly remove: readonly string[];
}

/**
 * Keeps the state of partitions beyond this process. A partition belongs to whoever took it last: what an earlier owner
 * writes late is refused.
 */
export interface StateStore {
  /**
   * Makes this process the owner of a partition, and hands over what is stored of it. Rejects when the store is away, and for
   * good (`STATE_FORMAT`) when a newer Sonde has stored it.
   */
  take(partition: number): Promise<TakenPartition>;
  /** Whether the owner of that epoch is still the owner. */
  isOwner(partition: number, epoch: bigint): Promise<boolean>;
  /**
   * Writes a change, wholly or not at all. False when the partition has another owner by now, or something later is stored:
   * nothing is written then. Rejects when the store is away; whether it was written is then unknown, and writing the same
   * change again is safe.
   */
  store(partition: number, epoch: bigint, change: PartitionChange): Promise<boolean>;
  /**
   * Remembers how many partitions the topic has. Rejects for good (`STATE_PARTITIONS`), with what to do, when the state is of
   * another number. To be called before any partition is taken.
   */
  checkPartitions(count: number): Promise<void>;
  /** Waits for what is under way. Idempotent. */
  close(): Promise<void>;
}
