import { crc32 } from 'node:zlib';

/** What a log keeps: bytes, and how many events are in them (u32). */
export interface LogEntry {
  readonly bytes: Uint8Array;
  readonly weight: number;
}

/**
 * In front of each entry, u32 little endian: length, weight, CRC-32 of the bytes, CRC-32 of these three. With a checksum of its
 * own, a header tells what is lost even when the bytes behind it are damaged.
 */
export const HEADER_BYTES = 16;
const CHECKED_BYTES = 12;

/** Headers are bound to their segment and to this format, so that what another file left on the disk is not taken for an entry. */
const FORMAT = 0x534c4731;

/** What a header says. */
export interface Header {
  readonly length: number;
  readonly weight: number;
  readonly crc: number;
}

/** The header of an entry in this segment. */
export function encodeHeader({ bytes, weight }: LogEntry, segment: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(bytes.length, 0);
  header.writeUInt32LE(weight, 4);
  header.writeUInt32LE(crc32(bytes), 8);
  header.writeUInt32LE(crc32(header.subarray(0, CHECKED_BYTES), seed(segment)), CHECKED_BYTES);
  return header;
}

/** The header at `at`; undefined when there is none, or none that is whole. */
export function readHeader(contents: Buffer, at: number, segment: number): Header | undefined {
  if (at + HEADER_BYTES > contents.length) return undefined;
  const crc = crc32(contents.subarray(at, at + CHECKED_BYTES), seed(segment));
  if (crc !== contents.readUInt32LE(at + CHECKED_BYTES)) return undefined;
  return {
    length: contents.readUInt32LE(at),
    weight: contents.readUInt32LE(at + 4),
    crc: contents.readUInt32LE(at + 8),
  };
}

/** The bytes of the entry whose header is at `at`: a view; undefined when they are cut off or not what was written. */
export function readBytes(contents: Buffer, at: number, { length, crc }: Header): Buffer | undefined {
  const start = at + HEADER_BYTES;
  if (start + length > contents.length) return undefined;
  const bytes = contents.subarray(start, start + length);
  return crc32(bytes) === crc ? bytes : undefined;
}

function seed(segment: number): number {
  return (FORMAT ^ segment) >>> 0;
}
