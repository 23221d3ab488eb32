import assert from 'node:assert/strict';
import test from 'node:test';
import { KernelFeatures } from '../../../collector/probe/kernel-features.js';
import { ProbeSet } from '../../../collector/probe/probe-set.js';
import { native } from '../../../native/index.js';
import type { BpfObject, Native } from '../../../native/types.js';
import { loadConfigs } from '../../../wire/config/load.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
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
