import type { Logger } from '../../../lib/log.js';
import type { Native } from '../../../native/types.js';
import { FanotifyWatch } from './fanotify-watch.js';
import { InotifyWatch } from './inotify-watch.js';
import type { Watch, WatchMode } from './watch.js';

/** The first way to watch that can be opened; null: none, or `walk` was asked for. What cannot is said. */
export function openWatch(
  native: Pick<Native, 'openDirectoryEvents'>,
  wanted: 'auto' | WatchMode,
  log: Logger,
): Watch | null {
  if (wanted === 'walk') return null;
  for (const kind of wanted === 'auto' ? (['fanotify', 'inotify'] as const) : [wanted]) {
    try {
      const events = native.openDirectoryEvents(kind);
      return kind === 'fanotify' ? new FanotifyWatch(events) : new InotifyWatch(events);
    } catch (error) {
      log.warn(`${kind} cannot be used for cgroups: ${String(error)}`);
    }
  }
  return null;
}
