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

/** Takes one record. A malformed one is the handler's to count: it throws only for what must stop consumption. */
export type RecordHandler = (record: BusRecord) => Promise<void> | void;

/** Where an aggregator gets frames from. */
export interface Consumer {
  /** Hands over records one after the other, in order per key. */
  start(handler: RecordHandler): Promise<void>;
  /** No record is handed over after it resolves. Idempotent. */
  close(): Promise<void>;
}
