import type { DirectoryEvents } from '../../../native/types.js';
import type { Cgroup, Hierarchy } from './tree.js';

/** How it is noticed that cgroups come and go. `walk`: not at all, they are looked for when one is asked for. */
export type WatchMode = 'fanotify' | 'inotify' | 'walk';

/** What a watch has seen. */
export interface WatchSink {
  /** A directory of that name has appeared under the parent. */
  made(parent: Cgroup, name: string): void;
  /** One has gone; `id` when it is known. */
  gone(parent: Cgroup, name: string, id?: bigint): void;
  /** Events were lost. */
  lost(): void;
  /** The parent of that id; undefined when there is no room to note one that is not known. */
  parentOf(hierarchy: Hierarchy, id: bigint): Cgroup | undefined;
}

/** Tells of cgroups that come and go. All paths are bytes, one a character (latin1). */
export interface Watch {
  readonly mode: 'fanotify' | 'inotify';
  /** Watches a hierarchy from now on: before it is walked. Throws when it cannot. */
  hierarchy(hierarchy: Hierarchy): void;
  /** A cgroup was found: called before its directory is read. Throws when it cannot be watched. */
  directory(cgroup: Cgroup, path: string): void;
  /** Hands over what has happened, up to `reads` of 64 KiB. True when there may be more. */
  drain(sink: WatchSink, reads: number): boolean;
  /** Calls back when there is something to drain. */
  start(onReadable: () => void): void;
  close(): void;
}

export const READ_BYTES = 65_536;

/** What events tell, the same bits in linux/inotify.h and linux/fanotify.h. */
export const EVENT = { movedFrom: 0x40, movedTo: 0x80, create: 0x100, delete: 0x200, overflow: 0x4000 } as const;

/**
 * Reads events, up to `reads` times. True when there may be more.
 * @param take takes the event at an offset of the buffer, and returns the offset of the next.
 */
export function drainEvents(
  events: DirectoryEvents,
  buffer: Buffer,
  reads: number,
  take: (at: number) => number,
): boolean {
  for (let i = 0; i < reads; i++) {
    const bytes = events.read(buffer);
    if (bytes === 0) return false;
    for (let at = 0; at < bytes;) at = take(at);
  }
  return true;
}
