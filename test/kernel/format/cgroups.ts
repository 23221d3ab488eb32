import assert from 'node:assert/strict';
import { rmdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { fixtureYaml } from '../../harness/bpf-fixture.js';
import {
  commandsIn as killsIn,
  makeCgroup,
  removeCgroup,
  skipUnlessUnified,
  unifiedMount,
} from '../../harness/cgroups.js';
import { select, type Sample } from '../../harness/kernel-metrics.js';
import { configFolder, startSonde, type Sonde } from '../../harness/sonde.js';
import { until } from '../../harness/until.js';

/** `cgroups.bpf.c` counts a kill of this number, which no process has. */
const COMMAND = 0x5000_0000;

const NO_FANOTIFY = 'file systems of cgroups have no id (statfs), which fanotify needs';

/** cgroups by name and in a `cgroup_id_map`, on the kernel that this runs on. `lacks`: what it does not have. */
export function cgroupTests(lacks: readonly ('fanotify' | 'cgrp_storage')[] = []): void {
  describe('cgroups', { skip: skipUnlessUnified }, () => {
    for (const watch of ['fanotify', 'inotify', 'walk'] as const) {
      const skip = watch === 'fanotify' && lacks.includes('fanotify') && NO_FANOTIFY;
      test(`a process that moves into a fresh cgroup is counted under its path: ${watch}`, { skip }, async (t) => {
        const sonde = await started(t, 'cgroups', ['--cgroups.watch', watch]);
        assert.equal(valueOf(await sonde.scrape(), 'sonde_cgroup_watch', { mode: watch }), 1);
        const parent = makeCgroup(t);
        const path = makeCgroup(t, parent, 'deep');
        if (watch === 'walk') {
          // What is counted before a walk may come stays without a name.
          await until(async () => {
            commandsIn(path, 1);
            return (await count(sonde, 'test_cgroup_commands_total', path)) !== undefined;
          }, `a walk to find ${path}`);
        }
        const before = (await count(sonde, 'test_cgroup_commands_total', path)) ?? 0;
        commandsIn(path, 23);
        await counted(sonde, 'test_cgroup_commands_total', path, before + 23);
        removeCgroup(parent);
        assert.equal(
          await count(sonde, 'test_cgroup_commands_total', path),
          before + 23,
          'it stays when the cgroup has gone',
        );
      });
    }

    test(
      'a cgroup that was gone before anybody asked has its name',
      {
        skip: lacks.includes('fanotify') && NO_FANOTIFY,
      },
      async (t) => {
        const sonde = await started(t, 'cgroups');
        const path = makeCgroup(t);
        commandsIn(path, 5);
        rmdirSync(path);
        assert.equal(await count(sonde, 'test_cgroup_commands_total', path), 5);
      },
    );

    test('the chosen ones are in the map of a cgroup_id_map as they come and go, as far as there is room', async (t) => {
      const before = makeCgroup(t, unifiedMount(), name(0));
      const sonde = await started(t, 'cgroups');
      commandsIn(before, 3);
      await counted(sonde, 'test_cgroup_chosen_total', before, 3);
      const [one, two, three] = [1, 2, 3].map((number) => makeCgroup(t, unifiedMount(), name(number)));
      const other = makeCgroup(t);
      await until(async () => (await entries(sonde, 'cgroups')) === 3, 'the map to be full');
      await until(async () => (await full(sonde)) === 1, 'the one that does not fit to be counted');
      assert.match(sonde.stderr(), /map chosen is full with 3 cgroups.*raise its max_entries/);
      for (const path of [one!, two!, three!, other]) commandsIn(path, 7);
      assert.equal(await count(sonde, 'test_cgroup_chosen_total', two!), 7);
      assert.equal(await count(sonde, 'test_cgroup_commands_total', other), 7);
      for (const path of [three!, other]) assert.equal(await count(sonde, 'test_cgroup_chosen_total', path), undefined);
      rmdirSync(one!);
      await until(() => {
        commandsIn(three!, 1);
        return count(sonde, 'test_cgroup_chosen_total', three!).then((value) => value !== undefined);
      }, 'the one that waited to have the room of the one that has gone');
      rmdirSync(two!);
      rmdirSync(three!);
      await until(async () => (await entries(sonde, 'cgroups')) === 1, 'what has gone to be taken out of the map');
    });

    test(
      'cgrp_storage holds what is chosen in the cgroups themselves',
      { skip: lacks.includes('cgrp_storage') && 'this kernel has no cgrp_storage' },
      async (t) => {
        const before = makeCgroup(t, unifiedMount(), name(10));
        const sonde = await started(t, 'cgroup-storage', ['--cgroups.watch', 'inotify']);
        const later = makeCgroup(t, unifiedMount(), name(11));
        const other = makeCgroup(t);
        await until(async () => (await entries(sonde, 'cgroup-storage')) === 2, 'both to be in the map');
        for (const path of [before, later, other]) commandsIn(path, 9);
        for (const path of [before, later]) assert.equal(await count(sonde, 'test_cgroup_stored_total', path), 9);
        assert.equal(await count(sonde, 'test_cgroup_stored_total', other), undefined);
        removeCgroup(later);
        await until(async () => (await entries(sonde, 'cgroup-storage')) === 1, 'what has gone not to be counted');
        assert.equal(valueOf(await sonde.scrape(), 'sonde_cgroup_id_map_errors_total', {}), undefined, sonde.stderr());
      },
    );
  });
}

/** `count` commands by a process of its own that has moved into the cgroup. */
export function commandsIn(cgroup: string, count: number): void {
  killsIn(cgroup, count, COMMAND);
}

/** The config's patterns choose these. */
function name(number: number): string {
  return `sonde-chosen-${process.pid}-${number}`;
}

function started(t: TestContext, fixture: 'cgroups' | 'cgroup-storage', args: readonly string[] = []): Promise<Sonde> {
  const folder = configFolder(t, { [fixture]: { yaml: fixtureYaml(fixture), object: fixture } });
  return startSonde(t, ['--config.dir', folder, ...args]);
}

function valueOf(samples: Sample[], metric: string, labels: Readonly<Record<string, string>>): number | undefined {
  return select(samples, metric, labels)[0]?.value;
}

async function count(sonde: Sonde, metric: string, cgroup: string): Promise<number | undefined> {
  return valueOf(await sonde.scrape(), `ebpf_exporter_${metric}`, { cgroup });
}

function counted(sonde: Sonde, metric: string, cgroup: string, value: number): Promise<void> {
  return until(async () => (await count(sonde, metric, cgroup)) === value, `${value} of ${metric} in ${cgroup}`);
}

async function entries(sonde: Sonde, config: string): Promise<number | undefined> {
  return valueOf(await sonde.scrape(), 'sonde_cgroup_id_map_entries', { config });
}

async function full(sonde: Sonde): Promise<number | undefined> {
  return valueOf(await sonde.scrape(), 'sonde_cgroup_id_map_errors_total', { config: 'cgroups', reason: 'full' });
}
