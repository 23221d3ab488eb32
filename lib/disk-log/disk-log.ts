import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCursor } from './cursor.js';
import { HEADER_BYTES, type LogEntry } from './entry.js';
import { takeLock } from './lock-file.js';
import { cursorPath, recover, segmentPath } from './recover.js';
import { emptyExtent, readEntries, SegmentWriter, type Extent, type Segment } from './segment.js';

export type { LogEntry } from './entry.js';
export { FolderInUseError } from './lock-file.js';

export interface DiskLogOptions {
  /** Made when it is not there. Nothing else may be in it. */
  readonly folder: string;
  /** Bytes of all segments together; beyond, the oldest segment goes. */
  readonly maxBytes: number;
  /** A segment that has this many bytes is followed by another (default 4 MiB). */
  readonly segmentBytes?: number;
  /** Time after which what was appended is on the disk, and what a power cut can take (default 1000). */
  readonly syncIntervalMs?: number;
  readonly onLost: (loss: LogLoss) => void;
  /** Told of what the file system refuses, besides appends: those return it. */
  readonly onError: (error: unknown) => void;
}

/** Entries that will not be read any more. */
export interface LogLoss {
  /** `full`: the oldest segment, to make room. `damaged`: what follows the first damage in a segment. */
  readonly reason: 'full' | 'damaged';
  readonly segment: number;
  readonly entries: number;
  readonly weight: number;
  /** Of all that was given up; damage may leave bytes that belong to no entry that could be counted. */
  readonly bytes: number;
}

/** Entries that follow each other in one segment. */
export interface LogBatch {
  readonly segment: number;
  readonly entries: readonly LogEntry[];
}

const SEGMENT_BYTES = 4 * 1024 * 1024;
const SYNC_INTERVAL_MS = 1000;

/**
 * A bounded queue on disk, which survives its process: entries are appended, read in order, and gone once acknowledged. Files
 * are segments named by number, and a cursor. What `append` has taken survives the process; what it took within
 * `syncIntervalMs` before a power cut may not. Damage is found by checksums and costs what follows in its segment.
 * One process at a time, and one reader in it.
 */
export class DiskLog {
  readonly #options: Required<DiskLogOptions>;
  /** Oldest first. */
  #segments: Segment[] = [];
  #nextNumber = 1;
  #writer: SegmentWriter | undefined;
  #reader: { readonly number: number; readonly fd: number } | undefined;
  /** Read, and neither acknowledged nor given back. */
  #inHand: { readonly segment: Segment; readonly extent: Extent } | undefined;
  #unlock: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** A segment was made whose name may not be on the disk yet. */
  #isFolderDirty = false;
  /** Files being synced and closed. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: DiskLogOptions) {
    this.#options = { segmentBytes: SEGMENT_BYTES, syncIntervalMs: SYNC_INTERVAL_MS, ...options };
  }

  /**
   * Takes the folder and finds what is in it. Bad contents are told to `onLost`; throws a {@link FolderInUseError} when another
   * process has it, or what the file system says when it cannot be made or written to.
   */
  async start(): Promise<void> {
    const { folder, syncIntervalMs } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#unlock = takeLock(join(folder, 'lock'));
    try {
      ({ segments: this.#segments, nextNumber: this.#nextNumber } = await recover(this.#options));
    } catch (error) {
      this.#unlock();
      throw error;
    }
    for (const segment of this.#segments) if (isDone(segment)) this.#remove(segment);
    this.#makeRoom(0);
    this.#timer = setInterval(() => this.#sync(), syncIntervalMs);
    this.#timer.unref();
  }

  /** What waits: appended, and not acknowledged. Bytes: what all segments have on disk. */
  get waiting(): Extent {
    const sum = emptyExtent();
    for (const { total, acknowledged } of this.#segments) {
      sum.entries += total.entries - acknowledged.entries;
      sum.weight += total.weight - acknowledged.weight;
      sum.bytes += total.bytes;
    }
    return sum;
  }

  get isEmpty(): boolean {
    return this.#segments.every(isDone);
  }

  /** Number of the segment that was appended to last; the next append goes into another when it {@link isSegmentFull}. */
  get segment(): number {
    return this.#nextNumber - 1;
  }

  get isSegmentFull(): boolean {
    return this.#writer === undefined || this.#writer.segment.total.bytes >= this.#options.segmentBytes;
  }

  /**
   * Appends all of the entries, into one segment, or none: then what the file system says is returned (disk full, read-only), and
   * the next append tries anew.
   */
  append(entries: readonly LogEntry[]): Error | undefined {
    const size = entries.reduce((sum, { bytes }) => sum + HEADER_BYTES + bytes.length, 0);
    if (size > this.#options.maxBytes) return new Error(`${size} bytes are more than the whole log may have`);
    this.#makeRoom(size);
    try {
      this.#writerOfNext().write(entries);
      return undefined;
    } catch (error) {
      // Whatever the file has now behind its last whole entry, nothing more is written there.
      this.#endSegment();
      return error as Error;
    }
  }

  /**
   * The oldest entries that wait, `maxBytes` of them at most (one at least); undefined when there are none. To be acknowledged
   * or given back before the next call.
   */
  read(maxBytes: number): LogBatch | undefined {
    if (this.#inHand !== undefined)
      throw new Error('disk log: read before the last batch was acknowledged or given back');
    for (const segment of this.#segments) {
      if (isDone(segment)) continue;
      const at = segment.acknowledged.bytes;
      const { entries, extent } = this.#readFrom(segment, at, maxBytes);
      if (entries.length > 0) {
        this.#inHand = { segment, extent };
        return { segment: segment.number, entries };
      }
      this.#giveUpRest(segment);
    }
    return undefined;
  }

  /** The entries of the last `read` are done with. */
  acknowledge(): void {
    if (this.#inHand === undefined) return;
    const { segment, extent } = this.#inHand;
    this.#inHand = undefined;
    if (!this.#segments.includes(segment)) return;
    segment.acknowledged.entries += extent.entries;
    segment.acknowledged.weight += extent.weight;
    segment.acknowledged.bytes += extent.bytes;
    if (isDone(segment)) this.#remove(segment);
    else this.#saveCursor();
  }

  /** The entries of the last `read` are to be read again; those whose segment has gone meanwhile are lost. */
  giveBack(): void {
    if (this.#inHand === undefined) return;
    const { segment, extent } = this.#inHand;
    this.#inHand = undefined;
    if (this.#segments.includes(segment)) return;
    this.#options.onLost({ reason: 'full', segment: segment.number, ...extent });
  }

  /** Puts everything onto the disk and lets go of the folder. What waits is there for the next start. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#sync();
    this.#endSegment();
    this.#closeReader();
    await Promise.all(this.#underWay);
    this.#unlock?.();
    this.#unlock = undefined;
  }

  #writerOfNext(): SegmentWriter {
    if (this.#writer !== undefined && !this.isSegmentFull) return this.#writer;
    this.#endSegment();
    const number = this.#nextNumber++;
    this.#writer = new SegmentWriter(number, segmentPath(this.#options.folder, number));
    this.#segments = [...this.#segments, this.#writer.segment];
    this.#isFolderDirty = true;
    return this.#writer;
  }

  /** The next append begins a new segment. */
  #endSegment(): void {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    if (writer.segment.total.entries === 0) this.#remove(writer.segment);
    this.#later(async () => {
      await writer.sync().catch(this.#options.onError);
      await writer.close();
    });
  }

  #sync(): void {
    const writer = this.#writer;
    if (writer !== undefined) this.#later(() => writer.sync());
    if (!this.#isFolderDirty) return;
    this.#isFolderDirty = false;
    this.#later(async () => {
      const folder = await open(this.#options.folder);
      await folder.sync().finally(() => folder.close());
    });
  }

  /** Runs `work` beside the callers; `close()` waits for it. */
  #later(work: () => Promise<void>): void {
    const done = work()
      .catch(this.#options.onError)
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  #makeRoom(bytes: number): void {
    while (this.#segments.length > 0 && this.waiting.bytes + bytes > this.#options.maxBytes) {
      const oldest = this.#segments[0]!;
      const { total, acknowledged } = oldest;
      // What is in hand may yet be acknowledged.
      const inHand = this.#inHand?.segment === oldest ? this.#inHand.extent : emptyExtent();
      this.#options.onLost({
        reason: 'full',
        segment: oldest.number,
        entries: total.entries - acknowledged.entries - inHand.entries,
        weight: total.weight - acknowledged.weight - inHand.weight,
        bytes: total.bytes - acknowledged.bytes - inHand.bytes,
      });
      this.#remove(oldest);
    }
  }

  #readFrom(segment: Segment, at: number, maxBytes: number): ReturnType<typeof readEntries> {
    try {
      if (this.#reader?.number !== segment.number) {
        this.#closeReader();
        this.#reader = { number: segment.number, fd: openSync(segment.path, 'r') };
      }
      return readEntries(this.#reader.fd, segment.number, { at, end: segment.total.bytes, maxBytes });
    } catch (error) {
      this.#options.onError(error);
      return { entries: [], extent: emptyExtent() };
    }
  }

  /** What has not been acknowledged of a segment cannot be read. */
  #giveUpRest(segment: Segment): void {
    const { total, acknowledged } = segment;
    this.#options.onLost({
      reason: 'damaged',
      segment: segment.number,
      entries: total.entries - acknowledged.entries,
      weight: total.weight - acknowledged.weight,
      bytes: total.bytes - acknowledged.bytes,
    });
    this.#remove(segment);
  }

  #remove(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
    if (this.#reader?.number === segment.number) this.#closeReader();
    if (this.#writer?.segment === segment) {
      const writer = this.#writer;
      this.#writer = undefined;
      this.#later(() => writer.close());
    }
    // First the cursor: a file that stays behind is then known to be done with.
    this.#saveCursor();
    this.#attempt(() => rmSync(segment.path, { force: true }));
  }

  #saveCursor(): void {
    const oldest = this.#segments[0];
    const cursor =
      oldest === undefined
        ? { segment: this.#nextNumber, entries: 0 }
        : { segment: oldest.number, entries: oldest.acknowledged.entries };
    this.#attempt(() => writeCursor(cursorPath(this.#options.folder), cursor));
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #closeReader(): void {
    if (this.#reader !== undefined) closeSync(this.#reader.fd);
    this.#reader = undefined;
  }
}

function isDone({ total, acknowledged }: Segment): boolean {
  return total.entries === acknowledged.entries;
}
