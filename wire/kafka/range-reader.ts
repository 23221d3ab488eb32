import { randomUUID } from 'node:crypto';
import type { ConsumedRecord, PartitionHandler } from '../bus.js';
import { SondeError } from '../errors.js';
import { withAdmin } from './admin.js';
import type { KafkaOptions } from './client.js';
import { KafkaConsumer } from './kafka-consumer.js';

export interface RangeOptions {
  readonly kafka: KafkaOptions;
  readonly topic: string;
  /** Milliseconds since 1970 by the clock of the broker, when it took the record. */
  readonly fromMs: number;
  /** The first moment that is not part of the range. */
  readonly toMs: number;
  /** Ends the reading; `ABORTED` then. */
  readonly signal?: AbortSignal;
}

export interface RangeResult {
  readonly records: number;
  /** Records in batches that cannot be read. */
  readonly unreadable: number;
}

/** Beginning of the names of groups that this makes, and removes again: a user needs read access to them. */
export const RANGE_GROUP_PREFIX = 'sonde-range-';

const SESSION_TIMEOUT_MS = 30_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Hands over what a topic holds of a range of time: each partition in order, one record at a time over all partitions.
 * Ends with the last record that was there at the start. Rejects with what `onRecord` throws, `KAFKA_AUTH`, `KAFKA_TOPIC`, or
 * `ABORTED`; brokers that are away are waited for.
 */
export async function readRange(
  options: RangeOptions,
  onRecord: (partition: number, record: ConsumedRecord) => Promise<void> | void,
): Promise<RangeResult> {
  const { kafka, topic } = options;
  const groupId = `${RANGE_GROUP_PREFIX}${randomUUID()}`;
  const range = new Range(options, await rangeOffsets(options), onRecord);
  if (range.isDone) return { records: 0, unreadable: 0 };
  const consumer = new KafkaConsumer({
    ...{ kafka, topic, groupId, sessionTimeoutMs: SESSION_TIMEOUT_MS },
    onFault: (error) => range.fail(error),
  });
  try {
    await Promise.race([consumer.start(range), range.done]);
    // The last records of a partition may be some that nobody is handed.
    await Promise.race([consumer.settled(MAX_TIMER_MS), range.done]);
    const { batch_malformed, batch_too_large, codec_unknown } = consumer.stats.unreadable;
    return { records: range.records, unreadable: batch_malformed + batch_too_large + codec_unknown };
  } finally {
    await consumer.close();
    await removeGroup(kafka, groupId);
  }
}

/** Where the range begins in a partition, and the first offset that is not part of it. */
interface OffsetRange {
  readonly from: bigint;
  readonly end: bigint;
}

class Range implements PartitionHandler {
  readonly done: Promise<void>;
  records = 0;
  readonly #options: RangeOptions;
  readonly #onRecord: (partition: number, record: ConsumedRecord) => Promise<void> | void;
  readonly #ranges: ReadonlyMap<number, OffsetRange>;
  /** Next offset of each partition that is not done. */
  readonly #next = new Map<number, bigint>();
  #tail: Promise<unknown> = Promise.resolve();
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(
    options: RangeOptions,
    ranges: ReadonlyMap<number, OffsetRange>,
    onRecord: (partition: number, record: ConsumedRecord) => Promise<void> | void,
  ) {
    this.#options = options;
    this.#ranges = ranges;
    this.#onRecord = onRecord;
    for (const [partition, { end, from }] of ranges) if (from < end) this.#next.set(partition, from);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever reads the range hears of it; here it only must not count as unheard.
    this.done.catch(() => undefined);
    options.signal?.addEventListener('abort', () => this.fail(abortedError(options)), { once: true });
  }

  get isDone(): boolean {
    return this.#next.size === 0;
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  assigned(partition: number): Promise<bigint | undefined> {
    return Promise.resolve(this.#next.get(partition) ?? this.#ranges.get(partition)?.end);
  }

  apply(partition: number, records: readonly ConsumedRecord[]): Promise<void> {
    const result = this.#tail.then(() => this.#take(partition, records));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  revoked(): void {
    // Comes back where it was.
  }

  leaving(): Promise<void> {
    return Promise.resolve();
  }

  async #take(partition: number, records: readonly ConsumedRecord[]): Promise<void> {
    const { fromMs, signal, toMs } = this.#options;
    const end = this.#ranges.get(partition)?.end ?? 0n;
    for (const record of records) {
      if (!this.#next.has(partition) || signal?.aborted === true) return;
      if (record.offset < end && record.timestampMs >= fromMs && record.timestampMs < toMs) {
        await this.#onRecord(partition, record);
        this.records++;
      }
      this.#next.set(partition, record.offset + 1n);
      if (record.offset + 1n >= end) this.#next.delete(partition);
    }
    if (this.isDone) this.#resolve();
  }
}

async function rangeOffsets(options: RangeOptions): Promise<ReadonlyMap<number, OffsetRange>> {
  const { fromMs, kafka, signal, toMs, topic } = options;
  if (signal?.aborted === true) throw abortedError(options);
  const from = await offsetsAt(kafka, topic, fromMs);
  const ends = await offsetsAt(kafka, topic, toMs);
  return new Map([...ends].map(([partition, end]) => [partition, { from: from.get(partition)!, end }]));
}

/** The first offset of each partition that the broker took at this time (ms since 1970) or later; at the end of the log the next one. */
export function offsetsAt(kafka: KafkaOptions, topic: string, timeMs: number): Promise<ReadonlyMap<number, bigint>> {
  return withAdmin(kafka, { stage: 'consume', topic }, async (admin) => {
    const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, timeMs);
    return new Map(offsets.map(({ offset, partition }) => [partition, BigInt(offset)]));
  });
}

/** Otherwise the broker would keep it for a week. */
export async function removeGroup(kafka: KafkaOptions, groupId: string): Promise<void> {
  try {
    await withAdmin(kafka, { stage: 'consume' }, (admin) => admin.deleteGroups([groupId]));
  } catch (error) {
    kafka.log.debug({ groupId }, `the group stays until it expires: ${(error as SondeError).message}`);
  }
}

function abortedError({ topic }: RangeOptions): SondeError {
  return new SondeError('ABORTED', `reading ${topic} was ended`, { stage: 'consume' });
}
