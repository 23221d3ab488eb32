import { Partition, type PartitionOptions } from './partition.js';
import type { StateStore } from './state/state-store.js';

export type StoreOutcome =
  /** Nothing has changed since the last time. */
  | { readonly result: 'unchanged' }
  /** The partition has another owner. */
  | { readonly result: 'lost' }
  | { readonly result: 'stored'; readonly offset: bigint; readonly bytes: number };

/** A partition of this member's: applied and stored in turns. */
export class OwnedPartition {
  readonly number: number;
  readonly partition: Partition;
  #turn: Promise<unknown> = Promise.resolve();
  #epoch: bigint | undefined;
  #storedOffset: bigint | undefined;
  #isLost = false;

  constructor(number: number, options: PartitionOptions) {
    this.number = number;
    this.partition = new Partition(number, options);
  }

  /** Becomes the owner, and goes on from what is stored. Rejects when the store is away: to be tried again. */
  async take(store: StateStore): Promise<void> {
    const { epoch, stored } = await store.take(this.number);
    this.#epoch = epoch;
    if (stored === undefined) return;
    await this.partition.restore(stored);
    this.#storedOffset = stored.offset;
  }

  /** Whether what is written is refused, because another has taken the partition, or the store has lost it. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Takes the partition once more, for a member that is its owner for certain: what is in memory follows from the log, and goes
   * before what is stored.
   */
  async takeAgain(store: StateStore): Promise<void> {
    const { epoch, stored } = await store.take(this.number);
    this.#epoch = epoch;
    this.#isLost = false;
    this.#storedOffset = undefined;
    this.partition.storedElsewhere(stored?.sections ?? new Map<string, Uint8Array>());
  }

  async isOwner(store: StateStore): Promise<boolean> {
    return !this.#isLost && this.#epoch !== undefined && (await store.isOwner(this.number, this.#epoch));
  }

  /** Runs `work` when nothing else is done to the partition. */
  exclusively<T>(work: () => Promise<T> | T): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /**
   * Writes what has changed. Rejects when the store is away; what is unwritten goes with the next call.
   * @param settled waited for before: what is stored is not read again, so all that was made of it must have its place by then.
   */
  async store(store: StateStore, settled: () => Promise<void> = () => Promise.resolve()): Promise<StoreOutcome> {
    const { partition } = this;
    if (this.#epoch === undefined || this.#isLost) return { result: 'unchanged' };
    if (partition.next === undefined || partition.next === this.#storedOffset) return { result: 'unchanged' };
    const change = await this.exclusively(() => partition.change());
    let isStored: boolean;
    try {
      await settled();
      isStored = await store.store(this.number, this.#epoch, change);
    } catch (error) {
      partition.notStored();
      throw error;
    }
    if (!isStored) {
      this.#isLost = true;
      return { result: 'lost' };
    }
    partition.stored();
    this.#storedOffset = change.offset;
    let bytes = 0;
    for (const section of change.put.values()) bytes += section.length;
    return { result: 'stored', offset: change.offset, bytes };
  }
}
