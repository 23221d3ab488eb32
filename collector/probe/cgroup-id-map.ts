import { closeSync, constants, openSync } from 'node:fs';
import { RE2JS } from 're2js';
import type { Logger } from '../../lib/log.js';
import type { BpfMap } from '../../native/types.js';
import type { CgroupIdMapConfig } from '../../wire/config/schema.js';
import type { Cgroups } from '../facts/cgroup/cgroups.js';
import type { CgroupMetrics } from '../facts/cgroup/metrics.js';
import type { Cgroup, TreeListener } from '../facts/cgroup/tree.js';

export interface CgroupIdMapOptions {
  /** Of the config that it belongs to. */
  readonly config: string;
  readonly chosen: CgroupIdMapConfig;
  readonly map: Pick<BpfMap, 'name' | 'maxEntries' | 'update' | 'delete'>;
  readonly cgroups: Pick<Cgroups, 'start' | 'subscribe' | 'unsubscribe' | 'path' | 'hasUnified'>;
  readonly metrics: CgroupMetrics;
  readonly log: Logger;
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/**
 * Keeps 1 in a map for each cgroup whose path one of the patterns matches, as cgroups come and go: of v2, or of all v1 hierarchies where v2
 * is not mounted. What the map has no room for waits until there is some.
 */
export class CgroupIdMap implements TreeListener {
  readonly #options: CgroupIdMapOptions;
  readonly #patterns: readonly RE2JS[];
  readonly #kept = new Set<Cgroup>();
  /** There was no room for these. */
  readonly #waiting = new Set<Cgroup>();
  readonly #failures = new Set<string>();
  #closed = false;

  constructor(options: CgroupIdMapOptions) {
    this.#options = options;
    this.#patterns = options.chosen.regexps.map((pattern) => RE2JS.compile(pattern));
  }

  get config(): string {
    return this.#options.config;
  }

  get entries(): number {
    return this.#kept.size;
  }

  /** Fills the map once the cgroups are known, and follows them from there. Never rejects. */
  async start(): Promise<void> {
    const { cgroups, metrics } = this.#options;
    metrics.idMaps.add(this);
    await cgroups.start();
    if (!this.#closed) cgroups.subscribe(this);
  }

  appeared(cgroup: Cgroup): void {
    if (!this.#isChosen(cgroup)) this.gone(cgroup);
    else if (!this.#kept.has(cgroup)) this.#put(cgroup);
  }

  gone(cgroup: Cgroup): void {
    this.#waiting.delete(cgroup);
    if (!this.#kept.delete(cgroup)) return;
    this.#attempt(() => this.#remove(cgroup));
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#put(next);
  }

  /** Idempotent. The map goes with its object. */
  close(): void {
    const { cgroups, metrics } = this.#options;
    this.#closed = true;
    cgroups.unsubscribe(this);
    metrics.idMaps.delete(this);
  }

  #isChosen(cgroup: Cgroup): boolean {
    const { cgroups } = this.#options;
    const path = cgroups.path(cgroup);
    if (path === undefined || (cgroups.hasUnified && !cgroup.hierarchy.mount.isUnified)) return false;
    const bytes = Buffer.from(path, 'latin1');
    return this.#patterns.some((pattern) => pattern.matcher(bytes).find());
  }

  #put(cgroup: Cgroup): void {
    const { chosen, cgroups, map } = this.#options;
    const isPut = this.#attempt(() => {
      if (chosen.type === 'hash') map.update(idKey(cgroup), ONE);
      else withDescriptor(cgroups.path(cgroup)!, (key) => map.update(key, ONE));
    });
    if (isPut) this.#kept.add(cgroup);
    else if (cgroup.isAlive) this.#waiting.add(cgroup);
  }

  #remove(cgroup: Cgroup): void {
    const { chosen, cgroups, map } = this.#options;
    if (chosen.type === 'hash') map.delete(idKey(cgroup));
    // What is stored in a cgroup goes with it; this one has only been renamed.
    else if (cgroup.isAlive) withDescriptor(cgroups.path(cgroup)!, (key) => void map.delete(key));
  }

  /** False when it failed, which is counted, and said once for each reason. */
  #attempt(change: () => void): boolean {
    const { config, map, metrics, log } = this.#options;
    try {
      change();
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // It went before it could be looked at.
      if (code === 'ENOENT' || code === 'ENODEV') return false;
      const reason = code === 'E2BIG' ? 'full' : 'failed';
      metrics.mapErrors.inc({ config, reason });
      if (this.#failures.has(reason)) return false;
      this.#failures.add(reason);
      const what = `cgroup_id_map of ${config}: map ${map.name}`;
      if (reason === 'failed') log.warn(`${what} cannot be changed: ${String(error)}`);
      else {
        log.warn(
          `${what} is full with ${map.maxEntries} cgroups, the others are not in it: raise its max_entries, or choose fewer by regexps`,
        );
      }
      return false;
    }
  }
}

function idKey({ id }: Cgroup): Uint8Array {
  return new Uint8Array(new BigUint64Array([id]).buffer);
}

function withDescriptor(path: string, use: (key: Uint8Array) => void): void {
  const descriptor = openSync(Buffer.from(path, 'latin1'), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    use(new Uint8Array(new Uint32Array([descriptor]).buffer));
  } finally {
    closeSync(descriptor);
  }
}
