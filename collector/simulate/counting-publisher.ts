import type { BusRecord, Publisher } from '../../wire/bus.js';

/** A bus, and what has become of the frames that it was given. */
export class CountingPublisher implements Publisher {
  readonly #bus: Publisher;
  frames = 0;
  bytes = 0;
  acknowledgedFrames = 0;
  /** Sends that were not acknowledged. */
  failures = 0;
  /** Why the last of them was not. */
  lastFailure: unknown;

  constructor(bus: Publisher) {
    this.#bus = bus;
  }

  async publish(records: readonly BusRecord[]): Promise<void> {
    this.frames += records.length;
    for (const { value } of records) this.bytes += value.length;
    try {
      await this.#bus.publish(records);
    } catch (error) {
      this.failures++;
      this.lastFailure = error;
      throw error;
    }
    this.acknowledgedFrames += records.length;
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}
