import { directoriesIn, identify } from './directory.js';
import type { Cgroup, CgroupTree, Hierarchy } from './tree.js';
import type { Watch } from './watch.js';

/** Directories that are looked at before others get their turn on the event loop: a few milliseconds. */
const SLICE = 256;

export interface WalkOptions {
  readonly tree: CgroupTree;
  /** Told of each directory before it is read; null: nobody watches. */
  readonly watch: Watch | null;
  /** Whether to go on: false when all is being closed. */
  readonly goesOn: () => boolean;
}

/** Looks at every cgroup of a hierarchy, and tells the tree; what it does not find has gone. Throws what cannot be read or watched. */
export async function walkHierarchy(hierarchy: Hierarchy, options: WalkOptions): Promise<void> {
  const { tree, goesOn } = options;
  tree.beginWalk(hierarchy);
  const waiting = [hierarchy.root];
  for (let looked = 1; waiting.length > 0; looked++) {
    if (looked % SLICE === 0) await new Promise(setImmediate);
    if (!goesOn()) return;
    waiting.push(...lookInto(waiting.pop()!, options));
  }
  tree.endWalk(hierarchy);
}

/** Looks at a cgroup that has just been found, and at what is in it. */
export function walkBelow(cgroup: Cgroup, options: Pick<WalkOptions, 'tree' | 'watch'>): void {
  const waiting = [cgroup];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) waiting.push(...lookInto(next, options));
}

/** The cgroups in one that are to be looked into themselves. */
function lookInto(cgroup: Cgroup, { tree, watch }: Pick<WalkOptions, 'tree' | 'watch'>): Cgroup[] {
  const path = tree.path(cgroup);
  if (path === undefined || !cgroup.isAlive) return [];
  try {
    watch?.directory(cgroup, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const found: Cgroup[] = [];
  for (const name of directoriesIn(path) ?? []) {
    const seen = identify(`${path}/${name}`);
    if (seen === undefined) continue;
    const child = tree.appeared(cgroup, name, seen.id);
    // With inotify a leaf must be watched itself, and what is made in it before that is not told.
    if (child !== undefined && (!seen.isLeaf || watch?.mode === 'inotify')) found.push(child);
  }
  return found;
}
