import { SondeError } from '../../wire/errors.js';
import { unpackU32, type Records } from '../../wire/frame.js';

/** The records of a Records frame, checked: each lies within `data`, at a multiple of 8. */
export interface RecordColumns {
  readonly data: Uint8Array;
  /** Of the same bytes. */
  readonly view: DataView;
  readonly lengths: Uint32Array;
}

/** Throws a SondeError `FRAME_MALFORMED` when the lengths are not those of the data. */
export function recordColumns({ data, lengths: column }: Pick<Records, 'data' | 'lengths'>): RecordColumns {
  const lengths = unpackU32(column.subarray(0, column.length & ~3));
  let sum = column.length % 4 === 0 ? 0 : NaN;
  for (const length of lengths) sum += Math.ceil(length / 8) * 8;
  if (sum !== data.length) {
    const message = `${data.length} bytes of records, but ${column.length} bytes of lengths, which add up to ${sum}`;
    throw new SondeError('FRAME_MALFORMED', message, { stage: 'decode' });
  }
  return { data, view: new DataView(data.buffer, data.byteOffset, data.byteLength), lengths };
}
