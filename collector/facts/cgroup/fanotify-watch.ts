import type { DirectoryEvents } from '../../../native/types.js';
import type { Hierarchy } from './tree.js';
import { drainEvents, EVENT, READ_BYTES, type Watch, type WatchSink } from './watch.js';

/** Information records of an event, by what they tell (linux/fanotify.h). */
const INFO_FID = 1;
const INFO_DFID_NAME = 2;
/** File handles of kernfs: the 8 bytes of the id. */
const HANDLE_KERNFS = 0xfe;

/** Offsets within struct fanotify_event_metadata, and within an information record with a file handle. */
const METADATA = { length: 0, metadataLength: 6, mask: 8 } as const;
const INFO = { type: 0, length: 2, fileSystem: 4, handleBytes: 12, handleType: 16, handle: 20 } as const;

/** One mark a hierarchy, whatever it holds; needs CAP_SYS_ADMIN when a hierarchy is added. */
export class FanotifyWatch implements Watch {
  readonly mode = 'fanotify';
  readonly #events: DirectoryEvents;
  readonly #hierarchies = new Map<bigint, Hierarchy>();
  readonly #buffer = Buffer.alloc(READ_BYTES);

  constructor(events: DirectoryEvents) {
    this.#events = events;
  }

  hierarchy(hierarchy: Hierarchy): void {
    this.#hierarchies.set(this.#events.watch(Buffer.from(hierarchy.mount.path, 'latin1')), hierarchy);
  }

  directory(): void {
    // The mark is on the whole file system.
  }

  drain(sink: WatchSink, reads: number): boolean {
    return drainEvents(this.#events, this.#buffer, reads, (at) => {
      this.#take(at, sink);
      return at + this.#buffer.readUInt32LE(at + METADATA.length);
    });
  }

  start(onReadable: () => void): void {
    this.#events.start(onReadable);
  }

  close(): void {
    this.#events.close();
  }

  #take(at: number, sink: WatchSink): void {
    const buffer = this.#buffer;
    const mask = buffer.readUInt32LE(at + METADATA.mask);
    if ((mask & EVENT.overflow) !== 0) return sink.lost();
    const end = at + buffer.readUInt32LE(at + METADATA.length);
    let target: bigint | undefined;
    let named = -1;
    for (let info = at + buffer.readUInt16LE(at + METADATA.metadataLength); info < end;) {
      const type = buffer[info + INFO.type];
      if (type === INFO_DFID_NAME) named = info;
      else if (type === INFO_FID) target = this.#kernfsId(info);
      info += buffer.readUInt16LE(info + INFO.length);
    }
    if (named < 0) return;
    const hierarchy = this.#hierarchies.get(buffer.readBigUInt64LE(named + INFO.fileSystem));
    const parentId = this.#kernfsId(named);
    if (hierarchy === undefined || parentId === undefined) return;
    const parent = sink.parentOf(hierarchy, parentId);
    if (parent === undefined) return;
    const name = this.#name(named);
    const hasGone = (mask & (EVENT.delete | EVENT.movedFrom)) !== 0;
    if (hasGone) sink.gone(parent, name, target);
    // The kernel makes one event of several that look the same, at the place of the first. So when it does not say which one has
    // gone, the name may have been given again before.
    if ((mask & (EVENT.create | EVENT.movedTo)) !== 0 || (hasGone && target === undefined)) sink.made(parent, name);
  }

  #kernfsId(info: number): bigint | undefined {
    if (this.#buffer.readInt32LE(info + INFO.handleType) !== HANDLE_KERNFS) return undefined;
    return this.#buffer.readBigUInt64LE(info + INFO.handle);
  }

  #name(info: number): string {
    const start = info + INFO.handle + this.#buffer.readUInt32LE(info + INFO.handleBytes);
    return this.#buffer.toString('latin1', start, this.#buffer.indexOf(0, start));
  }
}
