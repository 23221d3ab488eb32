import { readFile } from 'node:fs/promises';
import type { Logger } from '../../../lib/log.js';
import type { Native } from '../../../native/types.js';
import { decodersUsed } from '../../../wire/config/decoders-used.js';
import type { ProbeConfig } from '../../../wire/config/schema.js';
import type { LookupProvider } from '../host-answers.js';
import { identify } from './directory.js';
import type { CgroupMetrics } from './metrics.js';
import { cgroupMounts } from './mounts.js';
import { openWatch } from './open-watch.js';
import { CgroupTree, type Cgroup, type TreeListener } from './tree.js';
import { walkBelow, walkHierarchy } from './walk.js';
import type { Watch, WatchMode, WatchSink } from './watch.js';

/** Cgroups kept, alive and gone. */
const MAX_CGROUPS = 65_536;
/** Ids that were looked for in vain, remembered. */
const MAX_MISSED = 65_536;
/** Walks in which an id was not found, after which it is not looked for any more: its cgroup died unnamed. */
const TRIES = 3;
/** Time between two walks for ids that nobody knows: with a watch they only make up for what it cannot see. */
const WATCHED_WALK_MS = 10_000;
const LEAST_WALK_MS = 100;
/** Without a watch, when somebody listens. */
const INTERVAL_MS = 1000;
/** A walk is followed by this many times its own duration without one. */
const WALK_REST = 10;
/** But not longer than this: what comes meanwhile stays without a name. */
const MAX_REST_MS = 2000;
/** Reads of 64 KiB: of one turn of the event loop, and before an answer. */
const READS_A_TURN = 4;
const READS_AN_ANSWER = 256;

type WalkReason = 'start' | 'unknown' | 'overflow' | 'interval';

export interface CgroupsOptions {
  readonly native: Pick<Native, 'openDirectoryEvents'>;
  /** How to notice what comes and goes; `auto`: the first that is permitted. */
  readonly watch: 'auto' | WatchMode;
  readonly metrics: CgroupMetrics;
  readonly log: Logger;
  /** For tests: where mounts are listed, cgroups kept, a clock in milliseconds that only goes forward. */
  readonly mountinfo?: string;
  readonly maxCgroups?: number;
  readonly now?: () => number;
}

/** The paths of this host's cgroups, by id, as they come and go. Nothing is opened or read before {@link start} or a question. */
export class Cgroups implements LookupProvider {
  readonly #options: CgroupsOptions;
  readonly #now: () => number;
  readonly #tree: CgroupTree;
  readonly #sink: WatchSink;
  readonly #listeners = new Set<TreeListener>();
  /** Ids that were looked for in vain, and how often. */
  readonly #missed = new Map<bigint, number>();
  #watch: Watch | null = null;
  #starting: Promise<void> | undefined;
  #walking: Promise<void> | undefined;
  #walkedAt = -Infinity;
  #walkMs = 0;
  /** Events were lost since the last walk began. */
  #isOverflown = false;
  /** Of the tree's, those that have been reported. */
  #notKept = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: CgroupsOptions) {
    const { maxCgroups = MAX_CGROUPS, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#tree = new CgroupTree(maxCgroups, {
      appeared: (cgroup) => this.#listeners.forEach((listener) => listener.appeared(cgroup)),
      gone: (cgroup) => this.#listeners.forEach((listener) => listener.gone(cgroup)),
    });
    this.#sink = {
      made: (parent, name) => this.#made(parent, name),
      gone: (parent, name, id) => this.#tree.gone(parent, name, id),
      lost: () => this.#lost(),
      parentOf: (hierarchy, id) => this.#tree.parentOf(hierarchy, id),
    };
  }

  /** How cgroups are noticed; undefined before the start. */
  get mode(): WatchMode | undefined {
    return this.#starting === undefined ? undefined : (this.#watch?.mode ?? 'walk');
  }

  /** Begins to watch, and finds what there is. Once; never rejects: what is not permitted is done without, and said. */
  start(): Promise<void> {
    return (this.#starting ??= this.#begin());
  }

  /**
   * The path of a cgroup, or the last path of one that has gone; as bytes. Undefined when it is not known: it died before it could
   * be named, or is not in what this process sees of the hierarchies.
   */
  async answer(id: bigint): Promise<Uint8Array | undefined> {
    await this.start();
    if (this.#closed) return undefined;
    return this.#known(id) ?? (await this.#lookFor(id));
  }

  /** Tells the listener of all cgroups there are, and from now on of those that come and go. */
  subscribe(listener: TreeListener): void {
    for (const cgroup of this.#tree.living()) listener.appeared(cgroup);
    this.#listeners.add(listener);
    if (this.#starting !== undefined && this.#walking === undefined) this.#walkAgain();
  }

  unsubscribe(listener: TreeListener): void {
    this.#listeners.delete(listener);
  }

  /** Whether there is a v2 hierarchy. */
  get hasUnified(): boolean {
    return this.#tree.hierarchies.some(({ mount }) => mount.isUnified);
  }

  /** See {@link CgroupTree.path}. */
  path(cgroup: Cgroup): string | undefined {
    return this.#tree.path(cgroup);
  }

  /** Applies what has happened up to now, as far as the kernel tells. */
  drain(): void {
    this.#takeEvents(READS_AN_ANSWER);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watch?.close();
    this.#watch = null;
    this.#listeners.clear();
  }

  #known(id: bigint): Uint8Array | undefined {
    const cgroup = this.#tree.find(id);
    return cgroup === undefined ? undefined : Buffer.from(this.#tree.path(cgroup)!, 'latin1');
  }

  async #lookFor(id: bigint): Promise<Uint8Array | undefined> {
    // Its event is older than the row that has its id, so it is there to be read.
    this.drain();
    const known = this.#known(id);
    const tries = this.#missed.get(id) ?? 0;
    if (known !== undefined || tries >= TRIES || !this.#mayWalk()) return known;
    await this.#walk('unknown');
    const found = this.#known(id);
    this.#missed.delete(id);
    if (found === undefined) this.#missed.set(id, tries + 1);
    if (this.#missed.size > MAX_MISSED) this.#missed.delete(this.#missed.keys().next().value!);
    return found;
  }

  /** Whether enough time has passed since the last walk. One that is under way is joined. */
  #mayWalk(): boolean {
    if (this.#walking !== undefined) return true;
    const rest = this.#watch === null || this.#isOverflown ? LEAST_WALK_MS : WATCHED_WALK_MS;
    return this.#now() - this.#walkedAt >= Math.max(rest, this.#restMs);
  }

  get #restMs(): number {
    return Math.min(this.#walkMs * WALK_REST, MAX_REST_MS);
  }

  async #begin(): Promise<void> {
    const { watch, native, log } = this.#options;
    this.#watch = openWatch(native, watch, log);
    await this.#walk('start');
    const { hierarchies, alive } = this.#tree;
    if (this.#closed) return;
    if (hierarchies.length === 0) log.warn('no cgroup hierarchy is mounted here: cgroups stay without names');
    else log.info(`cgroups: ${alive} known, ${describe(this.mode!)}`);
  }

  /** One at a time: who asks while one is under way gets that one. */
  #walk(reason: WalkReason): Promise<void> {
    return (this.#walking ??= this.#walkAll(reason).finally(() => {
      this.#walking = undefined;
      this.#walkAgain();
    }));
  }

  async #walkAll(reason: WalkReason): Promise<void> {
    const { metrics, log } = this.#options;
    metrics.walks.inc({ reason });
    this.#walkedAt = this.#now();
    for (let isDone = false; !isDone && !this.#closed;) {
      this.#isOverflown = false;
      const watch = this.#watch;
      try {
        await this.#visitAll(watch);
        isDone = true;
      } catch (error) {
        // Without a watch there is nothing left that could be at fault but the directories.
        isDone = !isWatchError(error);
        if (isDone) log.warn(`cgroups could not all be read: ${String(error)}`);
        // Another turn has given it up already when it is not the same any more.
        else if (watch !== null && watch === this.#watch) this.#giveUp(watch, error);
      }
    }
    this.#walkMs = this.#now() - this.#walkedAt;
    if (!this.#closed) this.#watch?.start(() => this.#takeEvents(READS_A_TURN));
    this.#report();
  }

  async #visitAll(watch: Watch | null): Promise<void> {
    this.#addHierarchies(await readFile(this.#options.mountinfo ?? '/proc/self/mountinfo', 'latin1'), watch);
    for (const hierarchy of this.#tree.hierarchies) {
      await walkHierarchy(hierarchy, { tree: this.#tree, watch, goesOn: () => !this.#closed });
    }
  }

  /** Sees to the next walk when events were lost, or when there is no other way to notice what comes and goes. */
  #walkAgain(): void {
    const isNeeded = this.#isOverflown || (this.#watch === null && this.#listeners.size > 0);
    if (!isNeeded || this.#closed || this.#timer !== undefined) return;
    const reason = this.#isOverflown ? 'overflow' : 'interval';
    const restMs = Math.max(reason === 'overflow' ? LEAST_WALK_MS : INTERVAL_MS, this.#restMs);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#closed) void this.#walk(reason);
    }, restMs).unref();
  }

  /** Those that were mounted since the last time, too. */
  #addHierarchies(mountinfo: string, watch: Watch | null): void {
    const known = new Set(this.#tree.hierarchies.map(({ mount }) => mount.device));
    for (const mount of cgroupMounts(mountinfo)) {
      const root = known.has(mount.device) ? undefined : identify(mount.path);
      if (root === undefined) continue;
      const hierarchy = this.#tree.addHierarchy(mount, root.id);
      watch?.hierarchy(hierarchy);
    }
  }

  /** Goes on with the next best way. */
  #giveUp(watch: Watch, error: unknown): void {
    const { native, watch: wanted, log } = this.#options;
    watch.close();
    this.#watch = watch.mode === 'fanotify' && wanted === 'auto' ? openWatch(native, 'inotify', log) : null;
    log.warn(`${watch.mode} does not do for cgroups, going on ${describe(this.mode!)}: ${String(error)}`);
  }

  #takeEvents(reads: number): void {
    const watch = this.#watch;
    if (watch === null || this.#closed) return;
    try {
      watch.drain(this.#sink, reads);
    } catch (error) {
      if (isWatchError(error)) this.#giveUp(watch, error);
      else this.#options.log.warn(`cgroups could not all be read: ${String(error)}`);
      this.#isOverflown = true;
    }
    if (this.#isOverflown && this.#walking === undefined) this.#walkAgain();
    this.#report();
  }

  #made(parent: Cgroup, name: string): void {
    const path = parent.isAlive ? this.#tree.path(parent) : undefined;
    const seen = path === undefined ? undefined : identify(`${path}/${name}`);
    if (seen === undefined) return;
    const cgroup = this.#tree.appeared(parent, name, seen.id);
    // With cgroups in it already it was renamed, or these were made before inotify watched it.
    if (cgroup !== undefined && (!seen.isLeaf || this.#watch?.mode === 'inotify')) {
      walkBelow(cgroup, { tree: this.#tree, watch: this.#watch });
    }
  }

  #lost(): void {
    this.#isOverflown = true;
    this.#options.metrics.overflows.inc();
  }

  #report(): void {
    const { metrics, log, maxCgroups = MAX_CGROUPS } = this.#options;
    const { alive, dead } = this.#tree;
    metrics.known.set({ state: 'alive' }, alive);
    metrics.known.set({ state: 'gone' }, dead);
    const notKept = this.#tree.notKept - this.#notKept;
    if (notKept > 0 && this.#notKept === 0) log.warn(`more than ${maxCgroups} cgroups: the rest stays without names`);
    if (notKept > 0) metrics.notKept.inc(notKept);
    this.#notKept = this.#tree.notKept;
    for (const mode of ['fanotify', 'inotify', 'walk'] as const) {
      metrics.watch.set({ mode }, mode === (this.#watch?.mode ?? 'walk') ? 1 : 0);
    }
  }
}

function describe(mode: WatchMode): string {
  return mode === 'walk' ? 'looked for when they are asked for' : `followed by ${mode}`;
}

/** Whether a config asks for cgroups at all. */
export function needsCgroups(config: ProbeConfig): boolean {
  return config.cgroupIdMap !== null || decodersUsed(config).has('cgroup');
}

/** The addon's own; what Node says of a directory is another matter. */
function isWatchError(error: unknown): boolean {
  return error instanceof Error && error.name === 'NativeError';
}
