import type { BusRecord } from '../../wire/bus.js';
import type { RecordAccount } from './record-account.js';

/** A frame of records_seq on its way. */
export interface LaneFrame {
  readonly record: BusRecord;
  /** Its records_seq, when it is of this session; 0: of an earlier one. */
  readonly seq: bigint;
  readonly kind: 'manifest' | 'lookup' | 'records';
  /** Records in it. */
  readonly weight: number;
  /** Where its records are counted. */
  readonly account: RecordAccount | undefined;
}

export function bytesOf(frames: readonly LaneFrame[]): number {
  return frames.reduce((sum, { record }) => sum + record.value.length, 0);
}
