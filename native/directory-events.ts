import { requireBytes, requireFunction, requireOneOf } from './arguments.js';
import { binding, type RawDirectoryEvents } from './binding.js';
import type { DirectoryEvents } from './types.js';

/** {@link DirectoryEvents} over the raw one. */
export class NativeDirectoryEvents implements DirectoryEvents {
  readonly #raw: RawDirectoryEvents;

  constructor(kind: 'fanotify' | 'inotify') {
    requireOneOf({ operation: 'open directory events' }, 'kind', kind, ['fanotify', 'inotify']);
    this.#raw = binding().openDirectoryEvents(kind === 'fanotify');
  }

  watch(path: Uint8Array): bigint {
    return this.#raw.watch(requireBytes({ operation: 'watch' }, 'path', path));
  }

  read(buffer: Uint8Array): number {
    return this.#raw.read(requireBytes({ operation: 'read' }, 'buffer', buffer));
  }

  start(onReadable: () => void): void {
    this.#raw.start(requireFunction({ operation: 'start' }, 'onReadable', onReadable));
  }

  close(): void {
    this.#raw.close();
  }
}
