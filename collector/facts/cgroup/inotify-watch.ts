import type { DirectoryEvents } from '../../../native/types.js';
import type { Cgroup } from './tree.js';
import { drainEvents, EVENT, READ_BYTES, type Watch, type WatchSink } from './watch.js';

const IGNORED = 0x8000;
const IS_DIRECTORY = 0x4000_0000;

/** Offsets within struct inotify_event. */
const FIELD = { watch: 0, mask: 4, nameBytes: 12, name: 16 } as const;

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
    return drainEvents(this.#events, this.#buffer, reads, (at) => {
      const nameBytes = this.#buffer.readUInt32LE(at + FIELD.nameBytes);
      this.#take(at, nameBytes, sink);
      return at + FIELD.name + nameBytes;
    });
  }

  start(onReadable: () => void): void {
    this.#events.start(onReadable);
  }

  close(): void {
    this.#events.close();
    this.#watched.clear();
  }

  #take(at: number, nameBytes: number, sink: WatchSink): void {
    const mask = this.#buffer.readUInt32LE(at + FIELD.mask);
    if ((mask & EVENT.overflow) !== 0) return sink.lost();
    const watch = this.#buffer.readInt32LE(at + FIELD.watch);
    // The directory has gone, and its watch with it.
    if ((mask & IGNORED) !== 0) return void this.#watched.delete(watch);
    const parent = this.#watched.get(watch);
    if (parent === undefined || (mask & IS_DIRECTORY) === 0) return;
    const start = at + FIELD.name;
    const [name = ''] = this.#buffer.toString('latin1', start, start + nameBytes).split('\0', 1);
    if ((mask & (EVENT.delete | EVENT.movedFrom)) !== 0) sink.gone(parent, name);
    if ((mask & (EVENT.create | EVENT.movedTo)) !== 0) sink.made(parent, name);
  }
}
