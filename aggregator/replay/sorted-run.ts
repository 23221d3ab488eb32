import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';

/** One sample of one series, as it is sorted: by metric, host, series and time. */
export interface Entry {
  /** Numbers of metric and host. */
  readonly family: number;
  readonly host: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The series: where its labels lie in `lines`. */
  readonly key: Uint8Array;
  /** The sample's lines. */
  readonly lines: Uint8Array;
}

/** family, host, time (f64), key's offset and length in the lines, length of the lines. */
const HEAD_BYTES = 28;
const READ_BYTES = 256 * 1024;
const WRITE_BYTES = 1024 * 1024;

export type CompareEntries = (one: Entry, other: Entry) => number;

/** Writes entries, which must be in order, to a file. */
export function writeRun(path: string, entries: Iterable<Entry>): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    let chunk = Buffer.allocUnsafe(WRITE_BYTES);
    let used = 0;
    for (const { family, host, timeMs, key, lines } of entries) {
      const length = HEAD_BYTES + lines.length;
      if (used + length > chunk.length) {
        writeAll(file, chunk.subarray(0, used));
        used = 0;
        if (length > chunk.length) chunk = Buffer.allocUnsafe(length);
      }
      chunk.writeUInt32LE(family, used);
      chunk.writeUInt32LE(host, used + 4);
      chunk.writeDoubleLE(timeMs, used + 8);
      chunk.writeUInt32LE(key.byteOffset - lines.byteOffset, used + 16);
      chunk.writeUInt32LE(key.length, used + 20);
      chunk.writeUInt32LE(lines.length, used + 24);
      chunk.set(lines, used + HEAD_BYTES);
      used += length;
    }
    writeAll(file, chunk.subarray(0, used));
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** Reads such a file again, and removes it at the end. An entry is good until the next one is asked for. */
export function* readRun(path: string): Generator<Entry> {
  const file = openSync(path, 'r');
  try {
    let buffer = Buffer.allocUnsafe(READ_BYTES);
    let [start, end] = [0, 0];
    /** Whether so many bytes are there; makes room and reads for it. */
    const fill = (bytes: number): boolean => {
      if (end - start >= bytes) return true;
      // A new buffer: the last entry still looks into this one.
      const next = Buffer.allocUnsafe(Math.max(READ_BYTES, bytes));
      next.set(buffer.subarray(start, end));
      [buffer, end, start] = [next, end - start, 0];
      while (end < bytes) {
        const read = readSync(file, buffer, end, buffer.length - end, null);
        if (read === 0) return false;
        end += read;
      }
      return true;
    };
    while (fill(HEAD_BYTES)) {
      const length = buffer.readUInt32LE(start + 24);
      if (!fill(HEAD_BYTES + length)) throw new Error(`${path} was cut off`);
      const lines = buffer.subarray(start + HEAD_BYTES, start + HEAD_BYTES + length);
      const keyStart = buffer.readUInt32LE(start + 16);
      yield {
        family: buffer.readUInt32LE(start),
        host: buffer.readUInt32LE(start + 4),
        timeMs: buffer.readDoubleLE(start + 8),
        key: lines.subarray(keyStart, keyStart + buffer.readUInt32LE(start + 20)),
        lines,
      };
      start += HEAD_BYTES + length;
    }
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
}
