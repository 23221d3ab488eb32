import { randomInteger } from '../../lib/random.js';
import type { TypeLayout } from '../../wire/layout/type-layout.js';
import { S32, U32, U64, chars, struct } from './layouts.js';
import { commandBytes, labelText } from './text.js';

const COMMAND_BYTES = 12;

/** A record of the ring buffer of `configs/sim-events.yaml`. */
export const EVENT_LAYOUT: TypeLayout = struct('sim_event', {
  kind: U32,
  command: chars(COMMAND_BYTES),
  size: U64,
  load: S32,
  number: U32,
});
/** A multiple of 8, so that records lie back to back. */
export const EVENT_BYTES = EVENT_LAYOUT.size;

const COMMAND = 4;
const SIZE = 16;
const LOAD = 24;
/** Which command it is: no metric reads it, but the truth is counted by it. */
const NUMBER = 28;

/** Different commands; with the kinds they make the series. */
export const COMMANDS = 10;
const COMMAND_TEXTS = Array.from({ length: COMMANDS }, (_, number) => commandBytes(number, COMMAND_BYTES));
export const COMMAND_LABELS: readonly string[] = COMMAND_TEXTS.map(labelText);

/** One of so many events has a size above 2^40. */
const HUGE_EVERY = 1024;

/** Writes one event at `at`. */
export function writeEvent(
  view: DataView,
  at: number,
  kinds: number,
  littleEndian: boolean,
  random: () => number,
): void {
  const number = randomInteger(random, COMMANDS);
  view.setUint32(at, randomInteger(random, kinds), littleEndian);
  new Uint8Array(view.buffer).set(COMMAND_TEXTS[number]!, at + COMMAND);
  const low = randomInteger(random, 2 ** randomInteger(random, 24));
  const high = randomInteger(random, HUGE_EVERY) === 0 ? 1 + randomInteger(random, 1024) : 0;
  const [first, second] = littleEndian ? [low, high] : [high, low];
  view.setUint32(at + SIZE, first, littleEndian);
  view.setUint32(at + SIZE + 4, second, littleEndian);
  view.setInt32(at + LOAD, randomInteger(random, 2001) - 1000, littleEndian);
  view.setUint32(at + NUMBER, number, littleEndian);
}

/** Counts what acknowledged events come to: by kind and command, the last load, and sizes by bucket. */
export class EventTotals {
  readonly kinds: number;
  /** By kind and command. */
  readonly counts: Float64Array;
  readonly loads: Int32Array;
  /** By kind: the 21 buckets of 2^0 to 2^20, then what is above. */
  readonly buckets: Float64Array;
  readonly sums: BigUint64Array;

  constructor(kinds: number) {
    this.kinds = kinds;
    this.counts = new Float64Array(kinds * COMMANDS);
    this.loads = new Int32Array(kinds);
    this.buckets = new Float64Array(kinds * SIZE_BUCKETS);
    this.sums = new BigUint64Array(kinds);
  }

  add(view: DataView, littleEndian: boolean): void {
    for (let at = 0; at < view.byteLength; at += EVENT_BYTES) {
      const kind = view.getUint32(at, littleEndian);
      const size = view.getBigUint64(at + SIZE, littleEndian);
      this.counts[kind * COMMANDS + view.getUint32(at + NUMBER, littleEndian)]!++;
      this.loads[kind] = view.getInt32(at + LOAD, littleEndian);
      this.buckets[kind * SIZE_BUCKETS + bucketOf(size)]!++;
      this.sums[kind] = this.sums[kind]! + size;
    }
  }
}

export const SIZE_BUCKETS = 22;

/** The first bucket whose upper bound, 2^bucket, is not below the size. */
function bucketOf(size: bigint): number {
  let bucket = 0;
  while (bucket < SIZE_BUCKETS - 1 && size > 1n << BigInt(bucket)) bucket++;
  return bucket;
}
