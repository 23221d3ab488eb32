import { randomBytes } from 'node:crypto';

/** What one batch takes in the queue. */
export interface JobSize {
  readonly batches: number;
  readonly points: number;
  readonly bytes: number;
}

/** Of a number that stays short of 13 digits until the year 2286. */
const TIME_DIGITS = 13;
const ID = /^\d{13}-[0-9a-f]{16}-(\d+)-(\d+)$/;
/** What BullMQ keeps beside a job's data, measured. */
const JOB_BYTES = 1000;

/** A job's id tells when it was made, so that ids are in order of time, and its size, so that a queue is counted by its ids. */
export function jobId(atMs: number, points: number, dataBytes: number): string {
  return `${String(atMs).padStart(TIME_DIGITS, '0')}-${randomBytes(8).toString('hex')}-${points}-${dataBytes + JOB_BYTES}`;
}

/** Nothing for an id that is none of ours. */
export function sizeOf(id: string): JobSize {
  const [, points, bytes] = ID.exec(id) ?? [];
  return { batches: 1, points: Number(points ?? 0), bytes: Number(bytes ?? 0) };
}

export function sum(sizes: readonly JobSize[]): JobSize {
  const total = { batches: 0, points: 0, bytes: 0 };
  for (const { batches, points, bytes } of sizes) {
    total.batches += batches;
    total.points += points;
    total.bytes += bytes;
  }
  return total;
}
