import type { BusRecord, Publisher } from '../bus.js';
import type { RecordingWriter } from './recording-writer.js';

/** A bus that ends in a recording: one partition, as the memory bus. */
export class FilePublisher implements Publisher {
  readonly #writer: RecordingWriter;
  readonly #now: () => number;
  #offset = 0n;

  /** `now`: ms since 1970, which the records are stamped with. */
  constructor(writer: RecordingWriter, now: () => number = Date.now) {
    this.#writer = writer;
    this.#now = now;
  }

  /** Resolves when the file has them, or will with its next chunk. */
  publish(records: readonly BusRecord[]): Promise<void> {
    const timestampMs = this.#now();
    return this.#writer.append(
      records.map(({ key, value }) => ({ partition: 0, record: { key, value, offset: this.#offset++, timestampMs } })),
    );
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
