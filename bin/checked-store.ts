import type { PartitionChange, StateStore, TakenPartition } from '../aggregator/state/state-store.js';
import { SondeError } from '../wire/errors.js';

export interface CheckedStoreOptions {
  readonly store: StateStore;
  /** Of the topic. */
  readonly countPartitions: () => Promise<number>;
  /** The state is of another number of partitions: nothing can be done with it. */
  readonly onOtherCount: (error: SondeError) => void;
}

/** A store that compares the topic's number of partitions with the state's before the first one is taken. */
export class CheckedStore implements StateStore {
  readonly #options: CheckedStoreOptions;
  #isChecked = false;

  constructor(options: CheckedStoreOptions) {
    this.#options = options;
  }

  async take(partition: number): Promise<TakenPartition> {
    await this.#check();
    return this.#options.store.take(partition);
  }

  isOwner(partition: number, epoch: bigint): Promise<boolean> {
    return this.#options.store.isOwner(partition, epoch);
  }

  store(partition: number, epoch: bigint, change: PartitionChange): Promise<boolean> {
    return this.#options.store.store(partition, epoch, change);
  }

  checkPartitions(count: number): Promise<void> {
    return this.#options.store.checkPartitions(count);
  }

  close(): Promise<void> {
    return this.#options.store.close();
  }

  async #check(): Promise<void> {
    if (this.#isChecked) return;
    const { countPartitions, onOtherCount, store } = this.#options;
    try {
      await store.checkPartitions(await countPartitions());
    } catch (error) {
      if (error instanceof SondeError && error.code === 'STATE_PARTITIONS') onOtherCount(error);
      throw error;
    }
    this.#isChecked = true;
  }
}
