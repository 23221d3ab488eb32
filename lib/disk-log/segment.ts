import { closeSync, fdatasync, ftruncateSync, openSync, readSync, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { encodeHeader, HEADER_BYTES, readBytes, readHeader, type LogEntry } from './entry.js';

const sync = promisify(fdatasync);

/** Entries of a segment, or of a part of one. `bytes` with their headers. */
export interface Extent {
  entries: number;
  weight: number;
  bytes: number;
}

/** One file of a log. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  /** Everything in it that is whole. */
  readonly total: Extent;
  /** What of it has been acknowledged, from its beginning. */
  readonly acknowledged: Extent;
}

export function emptyExtent(): Extent {
  return { entries: 0, weight: 0, bytes: 0 };
}

/** What the contents of a segment hold: all entries up to the first damage, and of the rest as much as can still be told. */
export interface Scan {
  readonly total: Extent;
  /** The first `skip` entries of `total`, or as many as there are. */
  readonly skipped: Extent;
  /** What is given up, without what is skipped; bytes: all of them, also those of no entry that could be counted. */
  readonly damaged: Extent;
}

export function scanSegment(contents: Buffer, segment: number, skip = 0): Scan {
  const [total, skipped, damaged] = [emptyExtent(), emptyExtent(), emptyExtent()];
  let at = 0;
  for (;;) {
    const header = readHeader(contents, at, segment);
    if (header === undefined || readBytes(contents, at, header) === undefined) break;
    const size = HEADER_BYTES + header.length;
    add(total, header.weight, size);
    if (total.entries <= skip) add(skipped, header.weight, size);
    at += size;
  }
  damaged.bytes = contents.length - at;
  for (let entry = total.entries; ; entry++) {
    const header = readHeader(contents, at, segment);
    if (header === undefined) break;
    at += HEADER_BYTES + header.length;
    if (entry < skip) continue;
    damaged.entries++;
    damaged.weight += header.weight;
  }
  return { total, skipped, damaged };
}

/**
 * Whole entries from `at` on, as many as fit into `maxBytes` (one at least), and none that lies behind `end`. None at all: what
 * is there is damaged.
 */
export function readEntries(
  fd: number,
  segment: number,
  { at, end, maxBytes }: { at: number; end: number; maxBytes: number },
): { entries: LogEntry[]; extent: Extent } {
  const entries: LogEntry[] = [];
  const extent = emptyExtent();
  let contents = readAt(fd, at, Math.min(end - at, maxBytes + HEADER_BYTES));
  while (at + extent.bytes < end) {
    const header = readHeader(contents, extent.bytes, segment);
    if (header === undefined) break;
    const size = HEADER_BYTES + header.length;
    if (entries.length === 0 && size > contents.length) contents = readAt(fd, at, Math.min(size, end - at));
    const bytes = readBytes(contents, extent.bytes, header);
    if (bytes === undefined) break;
    entries.push({ bytes, weight: header.weight });
    add(extent, header.weight, size);
  }
  return { entries, extent };
}

/** A segment that is being written. Throws what the file system says. */
export class SegmentWriter {
  readonly segment: Segment;
  readonly #fd: number;
  #dirty = false;
  /** Calls that hold the descriptor. */
  #busy: Promise<unknown> = Promise.resolve();

  /** Makes the file; fails when it is there. */
  constructor(number: number, path: string) {
    this.#fd = openSync(path, 'wx', 0o600);
    this.segment = { number, path, total: emptyExtent(), acknowledged: emptyExtent() };
  }

  /** Writes all of them or none. */
  write(entries: readonly LogEntry[]): void {
    const { number, total } = this.segment;
    const parts = entries.flatMap((entry) => [encodeHeader(entry, number), entry.bytes]);
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    try {
      if (writevSync(this.#fd, parts, total.bytes) < size) {
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      }
    } catch (error) {
      this.#cutOff(total.bytes);
      throw error;
    }
    this.#dirty = true;
    for (const { bytes, weight } of entries) add(total, weight, HEADER_BYTES + bytes.length);
  }

  /** So that a piece of what was not written is not found at the next start. */
  #cutOff(bytes: number): void {
    try {
      ftruncateSync(this.#fd, bytes);
    } catch {
      // It is found as damaged then: the caller has the error that matters.
    }
  }

  /** Onto the disk, if there is anything new. */
  sync(): Promise<void> {
    if (!this.#dirty) return Promise.resolve();
    this.#dirty = false;
    const done = sync(this.#fd);
    this.#busy = done.catch(() => undefined);
    return done;
  }

  /** Closes the file; `sync()` comes first where its contents matter. */
  async close(): Promise<void> {
    await this.#busy;
    closeSync(this.#fd);
  }
}

function add(extent: Extent, weight: number, bytes: number): void {
  extent.entries++;
  extent.weight += weight;
  extent.bytes += bytes;
}

function readAt(fd: number, at: number, length: number): Buffer {
  const contents = Buffer.allocUnsafeSlow(length);
  const read = readSync(fd, contents, 0, length, at);
  return contents.subarray(0, read);
}
