/** Lines of a request: as many as InfluxDB's makers advise. */
export const MAX_BATCH_POINTS = 5000;
export const MAX_BATCH_BYTES = 512 * 1024;

/** Lines of line protocol that travel together, each with a newline behind it and none within. */
export interface Batch {
  readonly lines: Buffer;
  readonly points: number;
}

/** A point that cannot be written, and why. */
export interface RefusedPoint {
  /** Without its newline. */
  readonly line: Buffer;
  readonly reason: string;
}

/** Gathers lines into batches. Whoever writes a line reserves room first, and puts what he wrote behind it. */
export class PointBuffer {
  bytes = new Uint8Array(MAX_BATCH_BYTES);
  /** Where the next line begins. */
  at = 0;
  points = 0;
  /** Points that have been refused since {@link takeRefused}. */
  #refused: RefusedPoint[] = [];

  get isFull(): boolean {
    return this.points >= MAX_BATCH_POINTS || this.at >= MAX_BATCH_BYTES;
  }

  /** Makes room for `length` more bytes. */
  reserve(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const grown = new Uint8Array((this.at + length) * 2);
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }

  /** The line that ends at `end` is one of the batch. */
  put(end: number): void {
    this.at = end;
    this.points++;
  }

  /** The line that ends at `end`, its newline included, cannot be written. */
  refuse(end: number, reason: string): void {
    this.#refused.push({ line: Buffer.from(this.bytes.subarray(this.at, end - 1)), reason });
  }

  get hasRefused(): boolean {
    return this.#refused.length > 0;
  }

  /** Hands over the lines that are gathered, in memory of their own. */
  take(): Batch {
    const batch = { lines: Buffer.from(this.bytes.subarray(0, this.at)), points: this.points };
    this.at = 0;
    this.points = 0;
    return batch;
  }

  takeRefused(): RefusedPoint[] {
    const refused = this.#refused;
    this.#refused = [];
    return refused;
  }
}
