import type { ConsumedRecord, PartitionHandler } from '../bus.js';
import type { BatchRecord, UnreadableReason } from './record-batch.js';

/** How a partition goes on: `loading` until its state is there, then `reading`; `stopped` by a fault; `foreign`: not ours. */
type Phase = 'foreign' | 'loading' | 'reading' | 'stopped';

/** What became of some records. */
export interface Handed {
  /** Handed over. */
  readonly records: number;
  /** Of their values. */
  readonly bytes: number;
  /** Offsets that are not in the log any more. */
  readonly gap: bigint;
  /** Offsets that are in the log, in batches that cannot be read. */
  readonly unreadable: { readonly reason: UnreadableReason; readonly offsets: bigint }[];
}

/** One partition of this member: where it is, and its calls of the handler, one after the other. */
export class PartitionFeed {
  readonly partition: number;
  readonly #handler: PartitionHandler;
  #phase: Phase = 'foreign';
  #next = 0n;
  /** The end of the log as last seen. */
  #end = 0n;
  /** The end of the log when the partition was assigned. */
  #watermark = 0n;
  #calls: Promise<unknown> = Promise.resolve();

  constructor(partition: number, handler: PartitionHandler) {
    this.partition = partition;
    this.#handler = handler;
  }

  get isOurs(): boolean {
    return this.#phase !== 'foreign';
  }

  get isReading(): boolean {
    return this.#phase === 'reading';
  }

  /** Whether everything has been handed over that was in the log when the partition was assigned. */
  get isReadUp(): boolean {
    return this.#phase === 'reading' && this.#next >= this.#watermark;
  }

  /** Offset of the record that is handed over next. */
  get next(): bigint {
    return this.#next;
  }

  /** Records in the log that have not been handed over. */
  get lag(): bigint {
    return this.#phase === 'reading' && this.#end > this.#next ? this.#end - this.#next : 0n;
  }

  /** Assigned, perhaps again: nothing is read until {@link start}. */
  load(): void {
    this.#phase = 'loading';
  }

  start(next: bigint, watermark: bigint): void {
    this.#phase = 'reading';
    this.#next = next;
    this.#end = this.#watermark = watermark;
  }

  stop(): void {
    this.#phase = 'stopped';
  }

  /** Assigned to another member. The handler hears of it after the call that is under way; rejects when it throws. */
  revoke(): Promise<void> {
    this.#phase = 'foreign';
    return this.call(() => this.#handler.revoked(this.partition));
  }

  /** After all calls before it, whatever became of them. */
  call<T>(work: () => T | Promise<T>): Promise<T> {
    const result = this.#calls.then(work);
    this.#calls = result.catch(() => undefined);
    return result;
  }

  /** Resolves when all calls up to now have ended. */
  get idle(): Promise<unknown> {
    return this.#calls;
  }

  sawEnd(end: bigint): void {
    if (end > this.#end) this.#end = end;
  }

  /** Records before `offset` are not in the log any more, or none of the handler's. */
  skipTo(offset: bigint): void {
    if (offset > this.#next) this.#next = offset;
  }

  /** Hands records over, without those before the next offset. Rejects when the handler does. */
  async hand(records: readonly BatchRecord[]): Promise<Handed> {
    const unreadable: { reason: UnreadableReason; offsets: bigint }[] = [];
    const consumed: ConsumedRecord[] = [];
    let gap = 0n;
    let next = this.#next;
    for (const record of records) {
      const offset = BigInt(record.offset);
      if (offset < next) continue;
      const from = record.unreadable?.fromOffset ?? offset;
      if (from > next) gap += from - next;
      if (record.unreadable) {
        const { reason } = record.unreadable;
        unreadable.push({ reason, offsets: offset + 1n - (from > next ? from : next) });
      } else {
        const { key, timestamp, value } = record;
        consumed.push({
          ...{ key: key?.toString('utf8') ?? '', value: value ?? new Uint8Array(), offset },
          timestampMs: Number(timestamp),
        });
      }
      next = offset + 1n;
    }
    if (consumed.length > 0) await this.call(() => this.#handler.apply(this.partition, consumed));
    this.#next = next;
    const bytes = consumed.reduce((sum, { value }) => sum + value.length, 0);
    return { records: consumed.length, bytes, gap, unreadable };
  }
}
