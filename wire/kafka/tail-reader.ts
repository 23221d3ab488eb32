import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ConsumedRecord, PartitionHandler } from '../bus.js';
import type { KafkaOptions } from './client.js';
import { KafkaConsumer } from './kafka-consumer.js';
import { offsetsAt, RANGE_GROUP_PREFIX, removeGroup } from './range-reader.js';

export interface TailOptions {
  readonly kafka: KafkaOptions;
  readonly topic: string;
  /** Milliseconds since 1970 by the clock of the broker: where to begin. */
  readonly fromMs: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

export interface TailResult {
  /** Records in batches that cannot be read. */
  readonly unreadable: number;
  /** Records that retention removed before they were read. */
  readonly gaps: number;
}

const SESSION_TIMEOUT_MS = 30_000;

/**
 * Hands over what a topic gets from a moment on, each partition in order, one call at a time, until the signal is aborted.
 * Rejects with what `onRecords` throws, `KAFKA_AUTH` or `KAFKA_TOPIC`; brokers that are away are waited for.
 */
export async function readTail(
  { kafka, topic, fromMs, signal }: TailOptions,
  onRecords: (partition: number, records: readonly ConsumedRecord[]) => Promise<void>,
): Promise<TailResult> {
  const groupId = `${RANGE_GROUP_PREFIX}${randomUUID()}`;
  const tail = new Tail(await offsetsAt(kafka, topic, fromMs), onRecords);
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined); // who waits below hears of it
  const consumer = new KafkaConsumer({ kafka, topic, groupId, sessionTimeoutMs: SESSION_TIMEOUT_MS, onFault: fail });
  try {
    const ended = signal.aborted ? Promise.resolve() : once(signal, 'abort');
    await Promise.race([consumer.start(tail).then(async () => void (await ended)), ended, failed]);
    const { unreadable, gaps } = consumer.stats;
    const { batch_malformed, batch_too_large, codec_unknown } = unreadable;
    return { gaps, unreadable: batch_malformed + batch_too_large + codec_unknown };
  } finally {
    await consumer.close();
    await removeGroup(kafka, groupId);
  }
}

class Tail implements PartitionHandler {
  /** Next offset of each partition. */
  readonly #next: Map<number, bigint>;
  readonly #onRecords: (partition: number, records: readonly ConsumedRecord[]) => Promise<void>;
  #tail: Promise<void> = Promise.resolve();

  constructor(
    next: ReadonlyMap<number, bigint>,
    onRecords: (partition: number, records: readonly ConsumedRecord[]) => Promise<void>,
  ) {
    this.#next = new Map(next);
    this.#onRecords = onRecords;
  }

  /** A partition that was made meanwhile is read from its beginning. */
  assigned(partition: number): Promise<bigint | undefined> {
    return Promise.resolve(this.#next.get(partition));
  }

  apply(partition: number, records: readonly ConsumedRecord[]): Promise<void> {
    const result = this.#tail.then(() => this.#onRecords(partition, records));
    this.#tail = result.then(
      () => void this.#next.set(partition, records.at(-1)!.offset + 1n),
      () => undefined, // the consumer is told of it, and ends
    );
    return result;
  }

  revoked(): void {
    // Comes back where it was.
  }

  leaving(): Promise<void> {
    return this.#tail;
  }
}
