import type { BusRecord, Publisher } from '../../wire/bus.js';

/** Bytes of frames that are handed to the bus at once. */
const SEND_BYTES = 512 * 1024;

interface Held {
  readonly record: BusRecord;
  readonly resolve: () => void;
}

/**
 * The frames of one host that must stay in order (Manifest, Lookup, Records): held in memory until the bus acknowledges them, and
 * sent again, the same bytes, until it does. Its owner bounds what it puts in.
 */
export class HeldFrames implements Publisher {
  readonly #bus: Publisher;
  readonly #held: Held[] = [];
  /** Bytes of all frames that are not acknowledged. */
  bytes = 0;
  /** Sends that the bus did not acknowledge. */
  failures = 0;

  constructor(bus: Publisher) {
    this.#bus = bus;
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Takes frames; resolves when they are acknowledged, never rejects. Nothing is sent before {@link flush}. */
  publish(records: readonly BusRecord[]): Promise<void> {
    const taken = records.map(
      (record) =>
        new Promise<void>((resolve) => {
          this.#held.push({ record, resolve });
          this.bytes += record.value.length;
        }),
    );
    return Promise.all(taken).then(() => undefined);
  }

  /** Sends all there is, in order; gives up at the first send that fails: the next flush begins there again. True when nothing is left. */
  async flush(): Promise<boolean> {
    while (this.#held.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#bus.publish(batch.map(({ record }) => record));
      } catch {
        this.failures++;
        return false;
      }
      this.#held.splice(0, batch.length);
      for (const { record, resolve } of batch) {
        this.bytes -= record.value.length;
        resolve();
      }
    }
    return true;
  }

  /** What is not acknowledged is given up; its promises stay open. */
  close(): Promise<void> {
    this.#held.length = 0;
    this.bytes = 0;
    return Promise.resolve();
  }

  #nextBatch(): readonly Held[] {
    let bytes = 0;
    const count = this.#held.findIndex(({ record }) => (bytes += record.value.length) > SEND_BYTES);
    return this.#held.slice(0, count < 0 ? undefined : Math.max(1, count));
  }
}
