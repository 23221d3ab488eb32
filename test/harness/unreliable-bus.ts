import type { BusRecord, Publisher } from '../../wire/bus.js';

export interface UnreliableBusOptions {
  readonly random: () => number;
  /** Probability that a send is refused; of those half have arrived all the same. */
  readonly refuse: number;
  /** Probability that a record arrives a second time, later. */
  readonly repeat: number;
  /** Where records arrive. */
  readonly to: (record: BusRecord) => Promise<void> | void;
}

/** A bus that loses, repeats, and does not always say what it has taken. It keeps what has arrived, in order. */
export class UnreliableBus implements Publisher {
  readonly #options: UnreliableBusOptions;
  readonly arrived: BusRecord[] = [];
  readonly #again: BusRecord[] = [];
  /** While true, nothing arrives and everything is refused. */
  isAway = false;

  constructor(options: UnreliableBusOptions) {
    this.#options = options;
  }

  async publish(records: readonly BusRecord[]): Promise<void> {
    const { random, refuse, repeat } = this.#options;
    if (this.isAway) throw new Error('the bus is away');
    const isRefused = random() < refuse;
    if (isRefused && random() < 0.5) throw new Error('refused, and lost');
    for (const record of records) {
      await this.#arrive(record);
      if (random() < repeat) this.#again.push(record);
    }
    if (random() < repeat) for (const record of this.#again.splice(0)) await this.#arrive(record);
    if (isRefused) throw new Error('refused, although it arrived');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #arrive(record: BusRecord): Promise<void> {
    this.arrived.push(record);
    await this.#options.to(record);
  }
}
