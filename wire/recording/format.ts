import type { ConsumedRecord } from '../bus.js';

/** What a file of recorded frames begins with: its kind, and the version of its format. */
export const HEADER = Buffer.from('SONDEREC\x01', 'latin1');
const KIND_BYTES = 8;

/** Bytes of one recorded frame at most: far more than a bus takes. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** A record and the partition that it came from. */
export interface Recorded {
  readonly partition: number;
  readonly record: ConsumedRecord;
}

/** What is wrong with the beginning of a file; undefined: nothing. */
export function headerProblem(bytes: Uint8Array): string | undefined {
  if (Buffer.compare(bytes.subarray(0, KIND_BYTES), HEADER.subarray(0, KIND_BYTES)) !== 0) {
    return 'is no recording of sonde record';
  }
  const version = bytes[KIND_BYTES];
  if (version === HEADER[KIND_BYTES]) return undefined;
  return version === undefined
    ? 'ends within its header'
    : `is a recording of format ${version}, and this version of Sonde reads format ${HEADER[KIND_BYTES]}: upgrade it`;
}
