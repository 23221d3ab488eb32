import { requirePartitionCount } from './partition-count.js';
import type { PartitionChange, StateStore, StoredPartition, TakenPartition } from './state-store.js';

interface Entry {
  epoch: bigint;
  offset: bigint | undefined;
  readonly sections: Map<string, Uint8Array>;
}

/** Keeps partitions in this process: for tests, and for aggregators that share a process. */
export class MemoryStateStore implements StateStore {
  readonly #entries = new Map<number, Entry>();
  readonly #topic: string;
  #partitions: number | undefined;

  constructor(topic = 'sonde.frames') {
    this.#topic = topic;
  }

  take(partition: number): Promise<TakenPartition> {
    let entry = this.#entries.get(partition);
    if (entry === undefined) {
      this.#entries.set(partition, (entry = { epoch: 0n, offset: undefined, sections: new Map() }));
    }
    entry.epoch += 1n;
    return Promise.resolve({ epoch: entry.epoch, stored: storedPartition(entry) });
  }

  isOwner(partition: number, epoch: bigint): Promise<boolean> {
    return Promise.resolve(this.#entries.get(partition)?.epoch === epoch);
  }

  store(partition: number, epoch: bigint, { offset, put, remove }: PartitionChange): Promise<boolean> {
    const entry = this.#entries.get(partition);
    if (entry?.epoch !== epoch || (entry.offset !== undefined && entry.offset > offset)) return Promise.resolve(false);
    entry.offset = offset;
    for (const name of remove) entry.sections.delete(name);
    for (const [name, bytes] of put) entry.sections.set(name, Buffer.from(bytes));
    return Promise.resolve(true);
  }

  // As a promise that rejects, like that of the other adapter.
  // eslint-disable-next-line @typescript-eslint/require-await
  async checkPartitions(count: number): Promise<void> {
    this.#partitions ??= count;
    requirePartitionCount(this.#topic, this.#partitions, count);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function storedPartition({ offset, sections }: Entry): StoredPartition | undefined {
  return offset === undefined ? undefined : { offset, sections: new Map(sections) };
}
