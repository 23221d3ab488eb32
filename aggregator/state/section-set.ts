import { createHash } from 'node:crypto';
import type { PartitionChange } from './state-store.js';

/** Digest of a section that may be stored in any state. */
const UNKNOWN = '';

/**
 * Finds what has changed of a partition's state since it was stored last. Sections belong to groups (hosts): a group that has
 * not changed is kept as a whole, and one that is not mentioned is gone.
 */
export class SectionSet {
  /** Digests of what is stored, by group and section. */
  readonly #stored = new Map<string, Map<string, string>>();
  #put = new Map<string, Uint8Array>();
  #remove: string[] = [];
  /** Digests of what will be stored; null: the group stays as it is. */
  #next = new Map<string, Map<string, string> | null>();

  /** What a store has handed over is what is stored. */
  restored(sections: ReadonlyMap<string, Uint8Array>): void {
    this.#stored.clear();
    for (const [name, bytes] of sections) groupOf(this.#stored, splitName(name)[0]).set(name, digest(bytes));
  }

  begin(): void {
    this.#put = new Map();
    this.#remove = [];
    this.#next = new Map();
  }

  /** The group has not changed since it was stored. */
  keep(group: string): void {
    this.#next.set(group, null);
  }

  /** All of a group's sections, as they are now. What has changed is copied. */
  replace(group: string, sections: Iterable<readonly [string, Uint8Array]>): void {
    const stored = this.#stored.get(group);
    const next = new Map<string, string>();
    for (const [section, bytes] of sections) {
      const name = `${group}/${section}`;
      const hash = digest(bytes);
      next.set(name, hash);
      if (stored?.get(name) !== hash) this.#put.set(name, Buffer.from(bytes));
    }
    this.#next.set(group, next);
  }

  /** What must be written so that the store has what has been said since `begin`. */
  change(offset: bigint): PartitionChange {
    for (const [group, stored] of this.#stored) {
      const next = this.#next.get(group);
      if (next === null) continue;
      for (const name of stored.keys()) if (next?.has(name) !== true) this.#remove.push(name);
    }
    return { offset, put: this.#put, remove: this.#remove };
  }

  /** The change has been written. */
  acknowledged(): void {
    for (const group of [...this.#stored.keys()]) if (!this.#next.has(group)) this.#stored.delete(group);
    for (const [group, next] of this.#next) if (next !== null) this.#stored.set(group, next);
    this.begin();
  }

  /** Whether the change has been written is unknown: the next one must not rely on either. */
  failed(): void {
    for (const name of this.#put.keys()) groupOf(this.#stored, splitName(name)[0]).set(name, UNKNOWN);
    this.begin();
  }
}

/** `group/section`: a group has no slash. */
export function splitName(name: string): readonly [string, string] {
  const slash = name.indexOf('/');
  return [name.slice(0, slash), name.slice(slash + 1)];
}

function groupOf(groups: Map<string, Map<string, string>>, group: string): Map<string, string> {
  let sections = groups.get(group);
  if (sections === undefined) groups.set(group, (sections = new Map<string, string>()));
  return sections;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('base64');
}
