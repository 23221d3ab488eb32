import type { BpfMap, EventBatch, EventReader, EventReaderStats } from '../../native/types.js';
import { packU32 } from '../../wire/frame.js';
import type { FrameBody } from '../publish/frame-publisher.js';

/** Bytes that may wait for the bus; what comes beyond is dropped and counted, so that a slow bus cannot take the host's memory. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface RecordReaderOptions {
  readonly map: BpfMap;
  readonly configId: number;
  readonly epoch: number;
  readonly mapId: number;
  /** Encodes at once, and resolves when the bus has taken responsibility. */
  readonly publish: (body: FrameBody) => Promise<void>;
  /** Told of a batch that the bus may not have. */
  readonly onError: (error: unknown) => void;
}

/** What became of a buffer's records. */
export interface RecordLosses {
  /** Dropped because too much waited for the bus. */
  readonly backlog: bigint;
  /** In frames that the bus did not acknowledge. */
  readonly publish: bigint;
}

/** Drains one ring or perf buffer, and publishes each batch as one Records frame. */
export class RecordReader {
  readonly #options: RecordReaderOptions;
  readonly #reader: EventReader;
  #waitingBytes = 0;
  #backlog = 0n;
  #publish = 0n;
  /** Lost since the last frame that was published. */
  #lost = 0n;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: RecordReaderOptions) {
    const { map } = options;
    const onBatch = (batch: EventBatch): void => this.#take(batch);
    this.#options = options;
    this.#reader = map.type === 'ringbuf' ? map.openRing({ onBatch }) : map.openPerfBuffer({ onBatch });
  }

  get name(): string {
    return this.#options.map.name;
  }

  start(): void {
    this.#reader.start();
  }

  stats(): EventReaderStats {
    return this.#reader.stats();
  }

  losses(): RecordLosses {
    return { backlog: this.#backlog, publish: this.#publish };
  }

  /** Publishes what is in the buffer now, as far as one drain goes; resolves when the bus has it, or has refused it. */
  async poll(): Promise<void> {
    this.#reader.drain();
    await Promise.all(this.#underWay);
  }

  /** Publishes what is in the buffer, until it is empty; resolves when the bus has it all. */
  async flush(): Promise<void> {
    while (this.#reader.drain()) await Promise.all(this.#underWay);
    await Promise.all(this.#underWay);
  }

  close(): void {
    this.#reader.close();
  }

  #take(batch: EventBatch): void {
    this.#lost += BigInt(batch.lost);
    if (batch.count === 0) return;
    if (this.#waitingBytes + batch.bytes > MAX_WAITING_BYTES) {
      this.#backlog += BigInt(batch.count);
      this.#lost += BigInt(batch.count);
      return;
    }
    const { configId, epoch, mapId, publish } = this.#options;
    const { bytes, count } = batch;
    const body: FrameBody = {
      case: 'records',
      value: {
        configId,
        epoch,
        mapId,
        data: batch.data.subarray(0, bytes),
        lengths: packU32(batch.lengths.subarray(0, count)),
        lost: this.#lost,
      },
    };
    this.#lost = 0n;
    this.#waitingBytes += bytes;
    const sending = publish(body)
      .catch((error: unknown) => {
        this.#publish += BigInt(count);
        this.#lost += BigInt(count);
        this.#options.onError(error);
      })
      .finally(() => {
        this.#waitingBytes -= bytes;
        this.#underWay.delete(sending);
      });
    this.#underWay.add(sending);
  }
}
