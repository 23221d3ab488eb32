import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { WatchMode } from '../../../../collector/facts/cgroup/watch.js';
import { native, NativeError } from '../../../../native/index.js';
import { namedCgroups } from '../../../harness/cgroup-names.js';
import {
  cgroupId,
  makeCgroup,
  removeCgroup,
  skipUnlessUnified,
  unifiedMount,
  v1Mounts,
} from '../../../harness/cgroups.js';
import { skipUnlessRoot } from '../../../harness/privileged.js';
import { until } from '../../../harness/until.js';

const MODES: readonly WatchMode[] = ['fanotify', 'inotify', 'walk'];
/** More than the directories that a burst makes in one of the kernel's event queues, 16,384 by default. */
const BURST = 16_500;

describe('cgroups of this kernel', { skip: skipUnlessRoot || skipUnlessUnified }, () => {
  for (const watch of MODES) {
    it(`have their paths from the start, and when they come later: ${watch}`, async (t) => {
      const before = makeCgroup(t);
      const below = makeCgroup(t, before, 'below');
      const { cgroups, name, metric } = await namedCgroups(t, { watch });
      assert.equal(cgroups.mode, watch);
      assert.equal(await metric(`sonde_cgroup_watch{mode="${watch}"}`), 1);
      assert.equal(await name(cgroupId(below)), below);
      assert.equal(await name(cgroupId(unifiedMount()!)), unifiedMount());
      await rest(watch);
      const later = makeCgroup(t, below, 'later');
      const [laterId, deepId] = [cgroupId(later), cgroupId(makeCgroup(t, later, 'deep'))];
      assert.equal(await name(deepId), `${later}/deep`);
      assert.equal(await name(laterId), later);
    });

    it(`keep the path of what has gone: ${watch}`, async (t) => {
      const path = makeCgroup(t);
      const id = cgroupId(path);
      const { cgroups, name } = await namedCgroups(t, { watch });
      rmdirSync(path);
      cgroups.drain();
      assert.equal(await name(id), path);
    });
  }

  it('are named even when they were gone before anybody looked: fanotify', async (t) => {
    const { name } = await namedCgroups(t, { watch: 'fanotify' });
    const path = makeCgroup(t);
    const below = makeCgroup(t, path, 'below');
    const [id, belowId] = [cgroupId(path), cgroupId(below)];
    rmdirSync(below);
    rmdirSync(path);
    mkdirSync(path);
    assert.equal(await name(belowId), below);
    assert.equal(await name(id), path);
    assert.equal(await name(cgroupId(path)), path, 'the one of the same name after it');
  });

  it('have names of any bytes', async (t) => {
    const { name } = await namedCgroups(t, { watch: 'fanotify' });
    const path = Buffer.concat([Buffer.from(`${unifiedMount()}/sonde-\u00e9-`), Buffer.from([0xff, 0x20])]);
    mkdirSync(path);
    t.after(() => rmdirSync(path));
    const id = statSync(path, { bigint: true }).ino;
    assert.equal(await name(id), path.toString('latin1'));
  });

  it(
    'of v1 have the path under the mount of their controller',
    { skip: v1Mounts().length === 0 && 'no cgroup v1' },
    async (t) => {
      const mount = v1Mounts().find((path) => path.endsWith('/memory')) ?? v1Mounts()[0]!;
      const { name } = await namedCgroups(t, { watch: 'fanotify' });
      const path = makeCgroup(t, mount);
      const id = cgroupId(path);
      assert.equal(await name(id), path);
      const renamed = `${path}-renamed`;
      makeCgroup(t, path, 'below');
      const belowId = cgroupId(join(path, 'below'));
      renameSync(path, renamed);
      assert.equal(await name(belowId), `${renamed}/below`);
      removeCgroup(renamed);
    },
  );

  it('that nobody knows cost three walks, and are then not looked for any more', async (t) => {
    let now = 0;
    const { name, metric } = await namedCgroups(t, { watch: 'walk', now: () => now });
    for (let i = 0; i < 10; i++) {
      now += 60_000;
      assert.equal(await name(2n ** 40n), undefined);
    }
    assert.equal(await metric('sonde_cgroup_walks_total{reason="unknown"}'), 3);
    const path = makeCgroup(t);
    now += 60_000;
    assert.equal(await name(cgroupId(path)), path, 'another one is');
  });

  it('are walked for not more often than once in a tenth of a second, however many are asked for', async (t) => {
    let now = 1000;
    const { name, metric } = await namedCgroups(t, { watch: 'walk', now: () => now });
    now += 99;
    for (let id = 2n ** 40n; id < 2n ** 40n + 50n; id++) assert.equal(await name(id), undefined);
    assert.equal(await metric('sonde_cgroup_walks_total{reason="unknown"}'), undefined);
    now += 1;
    for (let id = 2n ** 40n; id < 2n ** 40n + 50n; id++) assert.equal(await name(id), undefined);
    assert.equal(await metric('sonde_cgroup_walks_total{reason="unknown"}'), 1);
  });

  for (const watch of ['fanotify', 'inotify'] as const) {
    it(`survive a burst of more than the kernel queues, and the loss is counted and made up for: ${watch}`, async (t) => {
      const parent = makeCgroup(t);
      const { cgroups, name, metric } = await namedCgroups(t, { watch });
      const paths = Array.from({ length: BURST }, (_, i) => join(parent, `${i}`));
      for (const path of paths) mkdirSync(path);
      cgroups.drain();
      await until(async () => (await metric('sonde_cgroups{state="alive"}'))! > BURST, 'all to be known');
      for (const path of [paths[0]!, paths[BURST - 1]!]) assert.equal(await name(cgroupId(path)), path);
      assert.ok((await metric('sonde_cgroup_event_overflows_total'))! >= 1, 'the queue ran over');
    });
  }

  it('are bounded', async (t) => {
    const parent = makeCgroup(t);
    const { cgroups, metric } = await namedCgroups(t, { watch: 'fanotify', maxCgroups: 100 });
    const paths = Array.from({ length: 150 }, (_, i) => join(parent, `${i}`));
    for (const path of paths) mkdirSync(path);
    cgroups.drain();
    assert.equal(await metric('sonde_cgroups{state="alive"}'), 100);
    assert.ok((await metric('sonde_cgroups_not_kept_total'))! >= 50);
  });
});

describe('a tree of directories that stands for cgroups', () => {
  it('hybrid: v2 and two controllers, one mounted after the start', async (t) => {
    const tree = madeUpTree(t, { unified: 'cgroup2', memory: 'cgroup' });
    for (const path of ['unified/a', 'memory/b', 'memory/b/c']) mkdirSync(join(tree.folder, path));
    let now = 0;
    const { name } = await namedCgroups(t, { watch: 'inotify', mountinfo: tree.mountinfo, now: () => now });
    for (const path of ['unified', 'unified/a', 'memory/b/c']) {
      assert.equal(await name(cgroupId(join(tree.folder, path))), join(tree.folder, path));
    }
    tree.mount({ unified: 'cgroup2', memory: 'cgroup', pids: 'cgroup' });
    const late = join(tree.folder, 'pids/late');
    mkdirSync(late);
    now = 60_000;
    assert.equal(await name(cgroupId(late)), late);
  });

  for (const watch of ['inotify', 'walk'] as const) {
    it(`a file in it is no cgroup, and stops nothing: ${watch}`, async (t) => {
      const tree = madeUpTree(t, { unified: 'cgroup2', memory: 'cgroup' });
      let now = 0;
      const { cgroups, name } = await namedCgroups(t, { watch, mountinfo: tree.mountinfo, now: () => now });
      const file = join(tree.folder, 'memory', 'file');
      writeFileSync(file, '');
      const later = join(tree.folder, 'memory', 'later');
      mkdirSync(later);
      now = 60_000;
      assert.equal(await name(cgroupId(later)), later);
      assert.equal(await name(statSync(file, { bigint: true }).ino), undefined);
      rmSync(file);
      cgroups.drain();
      assert.equal(await name(cgroupId(later)), later);
    });
  }

  it('inotify is not enough for: a walk does it', async (t) => {
    const tree = madeUpTree(t, { unified: 'cgroup2' });
    for (let i = 0; i < 10; i++) mkdirSync(join(tree.folder, 'unified', `${i}`));
    const watched: string[] = [];
    const { cgroups, name, metric } = await namedCgroups(t, {
      watch: 'inotify',
      mountinfo: tree.mountinfo,
      native: {
        openDirectoryEvents: () => ({
          watch: (path) => {
            if (watched.length === 5) throw new NativeError('too many', { code: 'ENOSPC', operation: 'watch' });
            return BigInt(watched.push(Buffer.from(path).toString()));
          },
          read: () => 0,
          start: () => {},
          close: () => {},
        }),
      },
    });
    assert.equal(cgroups.mode, 'walk');
    assert.equal(await metric('sonde_cgroup_watch{mode="inotify"}'), 0);
    for (let i = 0; i < 10; i++) {
      const path = join(tree.folder, 'unified', `${i}`);
      assert.equal(await name(cgroupId(path)), path);
    }
  });

  it('fanotify is not permitted for: inotify does it', async (t) => {
    const tree = madeUpTree(t, { unified: 'cgroup2' });
    const { cgroups, name } = await namedCgroups(t, {
      watch: 'auto',
      mountinfo: tree.mountinfo,
      native: {
        openDirectoryEvents: (kind) => {
          const events = native.openDirectoryEvents('inotify');
          if (kind === 'inotify') return events;
          return {
            watch: () => {
              throw new NativeError('not permitted', { code: 'EPERM', operation: 'watch' });
            },
            read: (buffer) => events.read(buffer),
            start: () => {},
            close: () => events.close(),
          };
        },
      },
    });
    assert.equal(cgroups.mode, 'inotify');
    const path = join(tree.folder, 'unified', 'later');
    mkdirSync(path);
    assert.equal(await name(cgroupId(path)), path);
  });

  it('that is none at all: nothing is known, and nothing fails', async (t) => {
    const tree = madeUpTree(t, {});
    const { name } = await namedCgroups(t, { watch: 'auto', mountinfo: tree.mountinfo });
    assert.equal(await name(1n), undefined);
  });
});

/** A walk may come only so often. */
async function rest(watch: WatchMode): Promise<void> {
  if (watch === 'walk') await new Promise((resolve) => setTimeout(resolve, 500));
}

interface MadeUpTree {
  readonly folder: string;
  readonly mountinfo: string;
  readonly mount: (types: Readonly<Record<string, string>>) => void;
}

/** Directories by name, mounted, as a mountinfo says, with these types. */
function madeUpTree(t: TestContext, types: Readonly<Record<string, string>>): MadeUpTree {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-cgroups-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mountinfo = join(folder, 'mountinfo');
  const mount = (wanted: Readonly<Record<string, string>>): void => {
    const lines = Object.entries(wanted).map(([name, type], i) => {
      mkdirSync(join(folder, name), { recursive: true });
      return `${30 + i} 22 0:${30 + i} / ${join(folder, name)} rw - ${type} ${type} rw\n`;
    });
    writeFileSync(mountinfo, lines.join(''));
  };
  mount(types);
  return { folder, mountinfo, mount };
}
