import type { CgroupMount } from './mounts.js';

/** One cgroup, alive or remembered. Names are bytes, one a character (latin1). */
export interface Cgroup {
  readonly id: bigint;
  readonly hierarchy: Hierarchy;
  /** Of a hierarchy's root: the path of its mount. */
  readonly name: string;
  /** Null: a root, or one that is known only as the parent of others. */
  readonly parent: Cgroup | null;
  readonly isAlive: boolean;
}

/** One mounted hierarchy. Every hierarchy counts its ids by itself: those of two may be equal. */
export interface Hierarchy {
  readonly mount: CgroupMount;
  readonly root: Cgroup;
}

/** Told of every cgroup that appears, and of every one that goes. */
export interface TreeListener {
  appeared(cgroup: Cgroup): void;
  gone(cgroup: Cgroup): void;
}

type Node = { -readonly [Key in keyof Omit<Cgroup, 'hierarchy' | 'parent'>]: Cgroup[Key] } & {
  readonly hierarchy: Branch;
  parent: Node | null;
  /** Those that are alive, by name. */
  children: Map<string, Node> | null;
  /** The walk that saw it last. */
  walk: number;
};

class Branch implements Hierarchy {
  readonly mount: CgroupMount;
  readonly root: Node;
  readonly ids = new Map<bigint, Node>();
  walk = 0;

  constructor(mount: CgroupMount, rootId: bigint) {
    this.mount = mount;
    this.root = nodeOf(this, rootId, mount.path, null);
    this.ids.set(rootId, this.root);
  }
}

function nodeOf(hierarchy: Branch, id: bigint, name: string, parent: Node | null): Node {
  return { id, hierarchy, name, parent, isAlive: true, children: null, walk: hierarchy.walk };
}

/**
 * Which cgroups there are and were, of all hierarchies: id → path. Of those that have gone the last path is kept, for what still
 * carries their id. Knows nothing of the file system: it is told.
 */
export class CgroupTree {
  readonly #limit: number;
  readonly #listener: TreeListener;
  readonly #hierarchies: Branch[] = [];
  /** Those that are not alive, the oldest first. */
  readonly #dead = new Set<Node>();
  #size = 0;
  /** Cgroups that were not kept because all that are kept are alive. */
  notKept = 0;

  /** `limit`: cgroups kept, of all hierarchies; of those that are not alive the oldest are forgotten for new ones. */
  constructor(limit: number, listener: TreeListener) {
    this.#limit = limit;
    this.#listener = listener;
  }

  get hierarchies(): readonly Hierarchy[] {
    return this.#hierarchies;
  }

  get alive(): number {
    return this.#size - this.#dead.size;
  }

  get dead(): number {
    return this.#dead.size;
  }

  addHierarchy(mount: CgroupMount, rootId: bigint): Hierarchy {
    const branch = new Branch(mount, rootId);
    this.#hierarchies.push(branch);
    this.#size++;
    this.#listener.appeared(branch.root);
    return branch;
  }

  /** The cgroup of that id in the first hierarchy that knows it: v2 before v1, v1 in the order in which they are mounted. */
  find(id: bigint): Cgroup | undefined {
    for (const { ids } of this.#hierarchies) {
      const node = ids.get(id);
      if (node !== undefined && this.path(node) !== undefined) return node;
    }
    return undefined;
  }

  /** The cgroup of that id in one hierarchy. One that nobody knows is noted: its name may come with the event of its end. */
  parentOf(hierarchy: Hierarchy, id: bigint): Cgroup | undefined {
    const branch = hierarchy as Branch;
    const known = branch.ids.get(id);
    if (known !== undefined || !this.#makeRoom()) return known;
    const node = this.#make(branch, id, '', null);
    this.#bury(node);
    return node;
  }

  /** Where it is, or was last; undefined when one of its parents is not known. */
  path(cgroup: Cgroup): string | undefined {
    const names: string[] = [];
    let node: Cgroup = cgroup;
    for (; node.parent !== null; node = node.parent) names.push(node.name);
    if (node !== node.hierarchy.root) return undefined;
    return names.length === 0 ? node.name : `${node.name === '/' ? '' : node.name}/${names.reverse().join('/')}`;
  }

  /** It is there now, whatever was known before. Undefined when it is not kept. */
  appeared(parent: Cgroup, name: string, id: bigint): Cgroup | undefined {
    const above = parent as Node;
    const branch = above.hierarchy;
    const before = above.children?.get(name);
    if (before !== undefined && before.id !== id) this.#end(before);
    let node = branch.ids.get(id);
    if (node?.isAlive === true && node.parent === above && node.name === name) {
      node.walk = branch.walk;
      return node;
    }
    if (node === undefined) {
      if (!this.#makeRoom()) {
        this.notKept++;
        return undefined;
      }
      node = this.#make(branch, id, name, above);
    } else {
      this.#revive(node, name, above);
    }
    (above.children ??= new Map<string, Node>()).set(name, node);
    this.#listener.appeared(node);
    return node;
  }

  /** It is no longer there. `id` where it is known: then it is named even when nobody knew that it was ever there. */
  gone(parent: Cgroup, name: string, id?: bigint): void {
    const above = parent as Node;
    const child = above.children?.get(name);
    if (id === undefined || child?.id === id) {
      if (child !== undefined) this.#end(child);
      return;
    }
    const node = above.hierarchy.ids.get(id);
    if (node === undefined) {
      if (this.#makeRoom()) this.#bury(this.#make(above.hierarchy, id, name, above));
    } else if (!node.isAlive && node.parent === null) {
      node.name = name;
      node.parent = above;
    }
  }

  /** What {@link endWalk} does not find seen since is gone. */
  beginWalk(hierarchy: Hierarchy): void {
    const branch = hierarchy as Branch;
    branch.walk++;
    branch.root.walk = branch.walk;
  }

  endWalk(hierarchy: Hierarchy): void {
    const branch = hierarchy as Branch;
    for (const node of branch.ids.values()) if (node.isAlive && node.walk < branch.walk) this.#end(node);
  }

  /** All that are alive, parents before their children. */
  *living(): Iterable<Cgroup> {
    const waiting: Node[] = this.#hierarchies.map(({ root }) => root);
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      yield node;
      for (const child of node.children?.values() ?? []) waiting.push(child);
    }
  }

  #make(hierarchy: Branch, id: bigint, name: string, parent: Node | null): Node {
    const node = nodeOf(hierarchy, id, name, parent);
    hierarchy.ids.set(id, node);
    this.#size++;
    return node;
  }

  #revive(node: Node, name: string, parent: Node): void {
    if (node.isAlive) node.parent?.children?.delete(node.name);
    this.#dead.delete(node);
    Object.assign(node, { name, parent, isAlive: true, walk: node.hierarchy.walk });
  }

  #end(node: Node): void {
    for (const child of node.children?.values() ?? []) this.#end(child);
    node.parent?.children?.delete(node.name);
    this.#bury(node);
    this.#listener.gone(node);
  }

  #bury(node: Node): void {
    node.isAlive = false;
    node.children = null;
    this.#dead.add(node);
  }

  #makeRoom(): boolean {
    if (this.#size < this.#limit) return true;
    const [oldest] = this.#dead;
    if (oldest === undefined) return false;
    this.#dead.delete(oldest);
    oldest.hierarchy.ids.delete(oldest.id);
    this.#size--;
    return true;
  }
}
