import { bytesOf, type LaneFrame } from './lane-frame.js';

/** Frames in memory, in order. */
export class FrameQueue {
  #frames: LaneFrame[] = [];
  bytes = 0;

  get length(): number {
    return this.#frames.length;
  }

  push(frames: readonly LaneFrame[]): void {
    this.#frames.push(...frames);
    this.bytes += bytesOf(frames);
  }

  /** Puts back what was taken. */
  unshift(frames: readonly LaneFrame[]): void {
    this.#frames.unshift(...frames);
    this.bytes += bytesOf(frames);
  }

  /** The first frames, as many as have `maxBytes` together; one at least, `maxFrames` at most. */
  take(maxBytes: number, maxFrames = Infinity): LaneFrame[] {
    let bytes = 0;
    const end = this.#frames.findIndex(
      ({ record }, i) => i >= maxFrames || ((bytes += record.value.length) > maxBytes && i > 0),
    );
    return this.#remove(0, end < 0 ? this.#frames.length : end);
  }

  takeAll(): LaneFrame[] {
    return this.#remove(0, this.#frames.length);
  }

  /**
   * Removes the oldest frames until no more than `maxBytes` are left: Records first, because without Manifest and Lookups those
   * that stay could not be decoded.
   */
  shrink(maxBytes: number): LaneFrame[] {
    const removed: LaneFrame[] = [];
    while (this.bytes > maxBytes) {
      const oldest = this.#frames.findIndex(({ kind }) => kind === 'records');
      removed.push(...this.#remove(Math.max(0, oldest), 1));
    }
    return removed;
  }

  #remove(from: number, count: number): LaneFrame[] {
    const removed = this.#frames.splice(from, count);
    this.bytes -= bytesOf(removed);
    return removed;
  }
}
