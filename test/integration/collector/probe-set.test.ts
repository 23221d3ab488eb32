import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KernelFeatures } from '../../../collector/probe/kernel-features.js';
import { ProbeSet } from '../../../collector/probe/probe-set.js';
import { native } from '../../../native/index.js';
import type { BpfObject, Native } from '../../../native/types.js';
import { loadConfigs } from '../../../wire/config/load.js';
import { loadProbe } from '../../../collector/probe/load-probe.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { fixtureYaml } from '../../harness/bpf-fixture.js';
import { configFolder } from '../../harness/sonde.js';

const YAML =
  'metrics: {counters: [{name: test_rows_total, help: Rows, labels: [{name: key, size: 4, decoders: [{name: uint}]}]}]}\n';

test('a probe whose readers cannot be opened does not stay in the kernel', { skip: skipUnlessRoot }, async (t) => {
  const opened: BpfObject[] = [];
  const recording: Native = {
    ...native,
    open: (...given) => {
      const object = native.open(...given);
      opened.push(object);
      return object;
    },
  };
  const probes = new ProbeSet({
    native: recording,
    kaddr: () => Promise.resolve(undefined),
    features: new KernelFeatures(native),
    host: () => {
      throw new Error('no descriptors left');
    },
  });
  const configs = await loadConfigs(configFolder(t, { rows: { yaml: YAML, object: 'commands' } }));
  await assert.rejects(probes.stage(await probes.plan(configs)), { message: 'no descriptors left' });
  assert.equal(opened.length, 1);
  assert.throws(() => opened[0]!.programs[0]!.info(), { code: 'CLOSED' });
});

test('what the kernel has refused for its kind is not loaded again', { skip: skipUnlessRoot }, async (t) => {
  let loads = 0;
  const counting: Native = {
    ...native,
    open: (...given) => {
      const object = native.open(...given);
      const load = object.loadAsync.bind(object);
      object.loadAsync = () => (loads++, load());
      return object;
    },
  };
  const features = new KernelFeatures(native);
  if (native.hasFeature('fentry')) return t.skip('this kernel takes fentry programs');
  const [config] = await loadConfigs(configFolder(t, { refused: { yaml: fixtureYaml('refused'), object: 'refused' } }));
  const statuses = async (): Promise<readonly string[]> => {
    const probe = await loadProbe(config!, { native: counting, features, kaddr: () => Promise.resolve(undefined) });
    t.after(() => probe.close());
    return probe.programs.map(({ name, attached, reason }) => `${name} ${attached} ${reason}`).sort();
  };
  const first = await statuses();
  assert.ok(first.includes('by_fentry false fentry is not permitted by this kernel'), first.join('\n'));
  const loadsOfFirst = loads;
  assert.deepEqual(await statuses(), first);
  assert.ok(loads - loadsOfFirst < loadsOfFirst, `${loadsOfFirst} loads, then ${loads - loadsOfFirst}`);
});

test(
  'objects are loaded two at a time, and attached in the order of their configs',
  { skip: skipUnlessRoot },
  async (t) => {
    const happened: string[] = [];
    let [underWay, most] = [0, 0];
    const watching: Native = {
      ...native,
      open: (...given) => {
        const object = native.open(...given);
        const { name } = given[1]!;
        const load = object.loadAsync.bind(object);
        object.loadAsync = async () => {
          most = Math.max(most, ++underWay);
          // The first of each two is done last.
          if (name === 'a' || name === 'c') await delay(50);
          await load();
          underWay--;
          happened.push(`${name} loaded`);
        };
        for (const program of object.programs) {
          const attach = program.attach.bind(program);
          program.attach = () => (happened.push(`${name} attached`), attach());
        }
        return object;
      },
    };
    const probes = new ProbeSet({
      native: watching,
      kaddr: () => Promise.resolve(undefined),
      features: new KernelFeatures(native),
      host: () => {
        throw new Error('is not asked for');
      },
    });
    const folder = configFolder(
      t,
      Object.fromEntries(
        ['a', 'b', 'c', 'd'].map((name) => [
          name,
          {
            yaml: YAML.replace('help: Rows', `map: test_rows_total, help: Rows`).replace(
              'name: test_rows_total',
              `name: test_${name}_total`,
            ),
            object: 'commands',
          },
        ]),
      ),
    );
    const configs = await loadConfigs(folder);
    await assert.rejects(probes.stage(await probes.plan(configs)), { message: 'is not asked for' });
    assert.equal(most, 2);
    // The second waited for the first, which failed after it had been attached.
    assert.deepEqual([...new Set(happened)], ['b loaded', 'a loaded', 'a attached']);
  },
);
