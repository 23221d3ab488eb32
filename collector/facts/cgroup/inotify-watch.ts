import type { DirectoryEvents } from '../../../native/types.js';
import type { Cgroup } from './tree.js';
import { READ_BYTES, type Watch, type WatchSink } from './watch.js';

const CREATE = 0x100;
const DELETE = 0x200;
const MOVED_FROM = 0x40;
const MOVED_TO = 0x80;
const QUEUE_OVERFLOW = 0x4000;
const IGNORED = 0x8000;
const IS_DIRECTORY = 0x4000_0000;

/** Offsets within struct inotify_event. */
const EVENT = { watch: 0, mask: 4, nameBytes: 12, name: 16 } as const;

/** One watch a cgroup, of which a user has fs.inotify.max_user_watches; needs no capability. */
export class InotifyWatch implements Watch {
  readonly mode = 'inotify';
  readonly #events: DirectoryEvents;
  readonly #watched = new Map<number, Cgroup>();
  readonly #buffer = Buffer.alloc(READ_BYTES);

  constructor(events: DirectoryEvents) {
    this.#events = events;
  }

  hierarchy(): void {
    // Each of its directories is watched.
  }

  directory(cgroup: Cgroup, path: string): void {
    this.#watched.set(Number(this.#events.watch(Buffer.from(path, 'latin1'))), cgroup);
  }

  drain(sink: WatchSink, reads: number): boolean {
    for (let i = 0; i < reads; i++) {
      const bytes = this.#events.read(this.#buffer);
      if (bytes === 0) return false;
      let at = 0;
      while (at < bytes) {
        const nameBytes = this.#buffer.readUInt32LE(at + EVENT.nameBytes);
        this.#take(at, nameBytes, sink);
        at += EVENT.name + nameBytes;
      }
    }
    return true;
  }

  start(onReadable: () => void): void {
    this.#events.start(onReadable);
  }

  close(): void {
    this.#events.close();
    this.#watched.clear();
  }

  #take(at: number, nameBytes: number, sink: WatchSink): void {
    const mask = this.#buffer.readUInt32LE(at + EVENT.mask);
    if ((mask & QUEUE_OVERFLOW) !== 0) return sink.lost();
    const watch = this.#buffer.readInt32LE(at + EVENT.watch);
    // The directory has gone, and its watch with it.
    if ((mask & IGNORED) !== 0) return void this.#watched.delete(watch);
    const parent = this.#watched.get(watch);
    if (parent === undefined || (mask & IS_DIRECTORY) === 0) return;
    const start = at + EVENT.name;
    const [name = ''] = this.#buffer.toString('latin1', start, start + nameBytes).split('\0', 1);
    if ((mask & (DELETE | MOVED_FROM)) !== 0) sink.gone(parent, name);
    if ((mask & (CREATE | MOVED_TO)) !== 0) sink.made(parent, name);
  }
}
