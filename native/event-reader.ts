import { requireFunction, requireInteger, type Place } from './arguments.js';
import type { RawBatchCallback, RawEventOptions, RawEventReader } from './binding.js';
import type { EventBatch, EventReader, EventReaderStats, RingOptions } from './types.js';

const MAX_ARENA_BYTES = 1 << 30;
const MAX_RECORDS = 1 << 24;
const MAX_MS = 3_600_000;

export function rawEventOptions(place: Place, options: RingOptions, pages: number): RawEventOptions {
  requireFunction(place, 'onBatch', options.onBatch);
  return {
    arenaBytes: requireInteger(place, 'arenaBytes', options.arenaBytes ?? 512 * 1024, 8, MAX_ARENA_BYTES),
    maxRecords: requireInteger(place, 'maxRecords', options.maxRecords ?? 16_384, 1, MAX_RECORDS),
    maxBatches: requireInteger(place, 'maxBatches', options.maxBatches ?? 4, 1, MAX_RECORDS),
    rearmMs: requireInteger(place, 'rearmMs', options.rearmMs ?? 5, 0, MAX_MS),
    maxDelayMs: requireInteger(place, 'maxDelayMs', options.maxDelayMs ?? 100, 1, MAX_MS),
    pages,
  };
}

/** {@link EventReader} over the raw one: keeps the one batch object that every callback is given. */
export class NativeEventReader implements EventReader {
  readonly #raw: RawEventReader;
  readonly #deliver: RawBatchCallback;

  constructor(raw: RawEventReader, onBatch: (batch: EventBatch) => void) {
    this.#raw = raw;
    const data = new Uint8Array(raw.data());
    const lengths = new Uint32Array(raw.lengths());
    const batch = { data, lengths, bytes: 0, count: 0, lost: 0 };
    this.#deliver = (bytes, count, lost) => {
      batch.bytes = bytes;
      batch.count = count;
      batch.lost = lost;
      onBatch(batch);
    };
  }

  start(): void {
    this.#raw.start(this.#deliver);
  }

  drain(): boolean {
    return this.#raw.drain(this.#deliver);
  }

  stats(): EventReaderStats {
    return this.#raw.stats();
  }

  close(): void {
    this.#raw.close();
  }
}
