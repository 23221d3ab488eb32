import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CgroupTree, type Cgroup, type Hierarchy } from '../../../../../collector/facts/cgroup/tree.js';

interface Fixture {
  readonly tree: CgroupTree;
  readonly unified: Hierarchy;
  readonly memory: Hierarchy;
  /** What the listener was told since the last call. */
  readonly told: () => string[];
  readonly path: (id: bigint) => string | undefined;
}

function hybrid(limit = 100): Fixture {
  let told: string[] = [];
  const tree = new CgroupTree(limit, {
    appeared: (cgroup) => told.push(`+${tree.path(cgroup)}`),
    gone: (cgroup) => told.push(`-${tree.path(cgroup)}`),
  });
  const unified = tree.addHierarchy({ device: '0:1', path: '/sys/fs/cgroup/unified', isUnified: true }, 1n);
  const memory = tree.addHierarchy({ device: '0:2', path: '/sys/fs/cgroup/memory', isUnified: false }, 1n);
  const take = (): string[] => {
    const now = told;
    told = [];
    return now;
  };
  take();
  const path = (id: bigint): string | undefined => {
    const cgroup = tree.find(id);
    return cgroup && tree.path(cgroup);
  };
  return { tree, unified, memory, told: take, path };
}

function add(tree: CgroupTree, parent: Cgroup, name: string, id: bigint): Cgroup {
  const cgroup = tree.appeared(parent, name, id);
  assert.ok(cgroup);
  return cgroup;
}

describe('cgroup tree', () => {
  it('has the path under the mount point of the hierarchy that knows an id, v2 first', () => {
    const { tree, unified, memory, path } = hybrid();
    add(tree, add(tree, unified.root, 'system.slice', 20n), 'cron.service', 30n);
    add(tree, memory.root, 'docker', 30n);
    add(tree, memory.root, 'lxc', 31n);
    assert.equal(path(30n), '/sys/fs/cgroup/unified/system.slice/cron.service');
    assert.equal(path(31n), '/sys/fs/cgroup/memory/lxc');
    assert.equal(path(1n), '/sys/fs/cgroup/unified');
    assert.equal(path(32n), undefined);
  });

  it('keeps the last path of what has gone, and tells of it once', () => {
    const { tree, unified, told, path } = hybrid();
    const job = add(tree, unified.root, 'job', 20n);
    add(tree, job, 'step', 21n);
    told();
    tree.gone(unified.root, 'job', 20n);
    tree.gone(job, 'step', 21n);
    assert.deepEqual(told().sort(), ['-/sys/fs/cgroup/unified/job', '-/sys/fs/cgroup/unified/job/step']);
    assert.equal(path(21n), '/sys/fs/cgroup/unified/job/step');
    assert.deepEqual([tree.alive, tree.dead], [2, 2]);
  });

  it('keeps apart cgroups that had the same name after each other', () => {
    const { tree, unified, told, path } = hybrid();
    add(tree, unified.root, 'job', 20n);
    add(tree, unified.root, 'job', 40n);
    // The end of the first one is told late.
    tree.gone(unified.root, 'job', 20n);
    const name = '/sys/fs/cgroup/unified/job';
    assert.deepEqual(told(), [`+${name}`, `-${name}`, `+${name}`]);
    assert.deepEqual([path(20n), path(40n)], [name, name]);
    tree.gone(unified.root, 'job');
    assert.deepEqual(told(), [`-${name}`]);
  });

  it('names what it hears of only when it ends, the parent after the child', () => {
    const { tree, unified, told, path } = hybrid();
    const parent = tree.parentOf(unified, 50n)!;
    tree.gone(parent, 'step', 51n);
    assert.equal(path(51n), undefined, 'where it was is not known yet');
    tree.gone(unified.root, 'job', 50n);
    assert.equal(path(51n), '/sys/fs/cgroup/unified/job/step');
    assert.equal(path(50n), '/sys/fs/cgroup/unified/job');
    assert.deepEqual(told(), []);
  });

  it('follows what is renamed or turns up elsewhere', () => {
    const { tree, memory, told, path } = hybrid();
    const old = add(tree, memory.root, 'old', 20n);
    add(tree, old, 'below', 21n);
    told();
    add(tree, memory.root, 'new', 20n);
    tree.gone(memory.root, 'old');
    assert.deepEqual(told(), ['+/sys/fs/cgroup/memory/new']);
    assert.equal(path(21n), '/sys/fs/cgroup/memory/new/below');
    assert.equal(tree.dead, 0);
  });

  it('takes for gone what a walk did not see, and nothing else', () => {
    const { tree, unified, memory, told } = hybrid();
    add(tree, unified.root, 'stays', 20n);
    add(tree, unified.root, 'goes', 21n);
    add(tree, memory.root, 'elsewhere', 22n);
    told();
    tree.beginWalk(unified);
    add(tree, unified.root, 'stays', 20n);
    add(tree, unified.root, 'comes', 23n);
    tree.endWalk(unified);
    assert.deepEqual(told(), ['+/sys/fs/cgroup/unified/comes', '-/sys/fs/cgroup/unified/goes']);
    const living = [...tree.living()].map((cgroup) => tree.path(cgroup)!.replace('/sys/fs/cgroup/', ''));
    assert.deepEqual(living.sort(), ['memory', 'memory/elsewhere', 'unified', 'unified/comes', 'unified/stays']);
  });

  it('is bounded: the oldest that have gone are forgotten, and what does not fit is counted', () => {
    const { tree, unified, path } = hybrid(6);
    for (const id of [20n, 21n, 22n]) {
      add(tree, unified.root, `job${id}`, id);
      tree.gone(unified.root, `job${id}`, id);
    }
    assert.deepEqual([tree.alive, tree.dead], [2, 3]);
    add(tree, unified.root, 'a', 30n);
    add(tree, unified.root, 'b', 31n);
    assert.deepEqual([path(20n), path(21n)], [undefined, '/sys/fs/cgroup/unified/job21']);
    add(tree, unified.root, 'c', 32n);
    add(tree, unified.root, 'd', 33n);
    assert.equal(tree.appeared(unified.root, 'e', 34n), undefined);
    assert.deepEqual([tree.alive, tree.dead, tree.notKept], [6, 0, 1]);
    tree.gone(unified.root, 'a', 30n);
    assert.ok(tree.appeared(unified.root, 'e', 34n), 'room again');
    for (let id = 1000n; id < 2000n; id++) tree.parentOf(unified, id);
    assert.equal(tree.alive + tree.dead, 6);
  });

  it('has the paths of a hierarchy that is mounted at the root', () => {
    const tree = new CgroupTree(10, { appeared() {}, gone() {} });
    const { root } = tree.addHierarchy({ device: '0:1', path: '/', isUnified: true }, 1n);
    assert.equal(tree.path(add(tree, root, 'a', 2n)), '/a');
  });
});
