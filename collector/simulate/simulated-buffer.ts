import { packU32 } from '../../wire/frame.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { EVENT_BYTES, EventTotals, writeEvent } from './event-model.js';

type HealthInit = Extract<FrameBody, { case: 'health' }>['value'];

/** The buffer of `configs/sim-events.yaml`. */
export const BUFFER_NAME = 'sim_events';
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

/** What became of records: those that are neither acknowledged nor lost wait. */
export interface RecordCounts {
  made: number;
  acknowledged: number;
  /** Found no room. */
  lost: number;
}

/** A ring buffer of a made-up kernel and its reader, with the truth about what the bus has acknowledged. */
export class SimulatedBuffer {
  readonly #options: SimulatedBufferOptions;
  readonly totals: EventTotals;
  /** Lost since the last frame. */
  #lost = 0n;
  /** Of all sessions, and of the one that runs. */
  readonly records: RecordCounts = { made: 0, acknowledged: 0, lost: 0 };
  #session: RecordCounts = { made: 0, acknowledged: 0, lost: 0 };

  constructor(options: SimulatedBufferOptions) {
    this.#options = options;
    this.totals = new EventTotals(options.kinds);
  }

  /** A new incarnation of the collector, which counts from 0. Only while nothing waits. */
  beginSession(): void {
    this.#session = { made: 0, acknowledged: 0, lost: 0 };
  }

  /** The session's account, as Health has it. */
  account(config: string): Required<Pick<HealthInit, 'losses' | 'hops'>> {
    const place = { config, map: BUFFER_NAME };
    const { made, acknowledged, lost } = this.#session;
    const waiting = BigInt(made - acknowledged - lost);
    return {
      losses: [{ ...place, hop: 'collector', reason: 'backlog', count: BigInt(lost) }],
      hops: [
        { ...place, hop: 'kernel', in: BigInt(made), out: BigInt(made) },
        { ...place, hop: 'collector', in: BigInt(made), out: BigInt(acknowledged), waiting },
      ],
    };
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
    this.#count('made', count);
    if (!hasRoom(data.length)) {
      this.#count('lost', count);
      this.#lost += BigInt(count);
      return;
    }
    const lengths = packU32(new Uint32Array(count).fill(EVENT_BYTES));
    const body: FrameBody = { case: 'records', value: { ...where, data, lengths, lost: this.#lost } };
    this.#lost = 0n;
    void publish(body).then(() => {
      this.#count('acknowledged', count);
      this.totals.add(view, littleEndian);
    });
  }

  #count(what: keyof RecordCounts, count: number): void {
    this.records[what] += count;
    this.#session[what] += count;
  }
}
