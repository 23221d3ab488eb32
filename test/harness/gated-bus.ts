import type { BusRecord, Publisher } from '../../wire/bus.js';
import { decodeFrame, type Frame } from '../../wire/frame.js';

/** A bus that is up, away, or leaves its callers waiting; keeps what it took. */
export class GatedBus implements Publisher {
  readonly frames: Frame[] = [];
  /** The same, as they were published. */
  readonly records: BusRecord[] = [];
  /** Bytes of each send that was taken or waits. */
  readonly sends: number[] = [];
  readonly #held: (() => void)[] = [];
  state: 'up' | 'away' | 'hangs' = 'up';
  /** Sends that are under way. */
  underWay = 0;
  mostUnderWay = 0;
  refuses: (frame: Frame) => Error | undefined = () => undefined;

  async publish(records: readonly BusRecord[]): Promise<void> {
    if (this.state === 'away') throw new Error('the bus is away');
    const copies = records.map(({ key, value }) => ({ key, value: value.slice() }));
    const frames = copies.map(({ value }) => decodeFrame(value));
    for (const frame of frames) {
      const error = this.refuses(frame);
      if (error !== undefined) throw error;
    }
    this.sends.push(records.reduce((sum, { value }) => sum + value.length, 0));
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    try {
      if (this.state === 'hangs') await new Promise<void>((resolve) => this.#held.push(resolve));
      // What hung when it went away may or may not have arrived; here it has not.
      if ((this.state as string) === 'away') throw new Error('the bus went away');
    } finally {
      this.underWay--;
    }
    this.frames.push(...frames);
    this.records.push(...copies);
  }

  /** Sends that hang go on, as the state now says. */
  release(state: 'up' | 'away'): void {
    this.state = state;
    for (const resume of this.#held.splice(0)) resume();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Frames of records_seq as an aggregator takes them: per session in order, each once; and how many never came before the last. */
export function inSequence(frames: readonly Frame[]): { taken: Frame[]; missing: bigint } {
  const last = new Map<string, bigint>();
  const taken: Frame[] = [];
  let missing = 0n;
  for (const frame of frames) {
    if (frame.recordsSeq === 0n) continue;
    const session = Buffer.from(frame.session).toString('hex');
    const before = last.get(session) ?? 0n;
    if (frame.recordsSeq <= before) continue;
    missing += frame.recordsSeq - before - 1n;
    last.set(session, frame.recordsSeq);
    taken.push(frame);
  }
  return { taken, missing };
}
