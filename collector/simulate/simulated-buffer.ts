import { packU32 } from '../../wire/frame.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { EVENT_BYTES, EventTotals, writeEvent } from './event-model.js';

/** Records of a frame at most: 256 KiB. */
const MAX_RECORDS = 8192;

export interface SimulatedBufferOptions {
  readonly kinds: number;
  readonly littleEndian: boolean;
  /** Whether there is room for so many more bytes until the bus acknowledges what waits. */
  readonly hasRoom: (bytes: number) => boolean;
  /** Never rejects; resolves when the bus has acknowledged the frame. */
  readonly publish: (body: FrameBody) => Promise<void>;
}

/** A ring buffer of a made-up kernel and its reader, with the truth about what the bus has acknowledged. */
export class SimulatedBuffer {
  readonly #options: SimulatedBufferOptions;
  readonly totals: EventTotals;
  /** Lost since the last frame. */
  #lost = 0n;
  /** Records that were put into frames, that were acknowledged, and that found no room. */
  sent = 0;
  acknowledged = 0;
  lost = 0;

  constructor(options: SimulatedBufferOptions) {
    this.#options = options;
    this.totals = new EventTotals(options.kinds);
  }

  /** Makes up events and publishes them. `where` is the config and map that the frame names. */
  drain(events: number, where: { configId: number; epoch: number; mapId: number }, random: () => number): void {
    for (let left = events; left > 0; left -= MAX_RECORDS) this.#batch(Math.min(left, MAX_RECORDS), where, random);
  }

  #batch(count: number, where: { configId: number; epoch: number; mapId: number }, random: () => number): void {
    const { kinds, littleEndian, hasRoom, publish } = this.#options;
    const data = new Uint8Array(count * EVENT_BYTES);
    const view = new DataView(data.buffer);
    for (let i = 0; i < count; i++) writeEvent(view, i * EVENT_BYTES, kinds, littleEndian, random);
    if (!hasRoom(data.length)) {
      this.lost += count;
      this.#lost += BigInt(count);
      return;
    }
    const lengths = packU32(new Uint32Array(count).fill(EVENT_BYTES));
    const body: FrameBody = { case: 'records', value: { ...where, data, lengths, lost: this.#lost } };
    this.#lost = 0n;
    this.sent += count;
    void publish(body).then(() => {
      this.acknowledged += count;
      this.totals.add(view, littleEndian);
    });
  }
}
