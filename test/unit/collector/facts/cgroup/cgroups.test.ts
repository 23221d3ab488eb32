import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { Cgroups, needsCgroups } from '../../../../../collector/facts/cgroup/cgroups.js';
import { cgroupMetrics } from '../../../../../collector/facts/cgroup/metrics.js';
import { parseConfig } from '../../../../../wire/config/parse.js';
import { SILENT } from '../../../../harness/lane-fixture.js';
import { fixtures } from '../../../wire/config/fixtures.js';

test('only a config that names cgroups asks for them: by a decoder, or for its map', () => {
  const asks = new Map(
    fixtures('good').map(({ name, text }) => [name, needsCgroups(parseConfig(name, `${name}.yaml`, text))]),
  );
  assert.deepEqual(
    ['biolatency', 'timers', 'oomkill', 'cgroups'].map((name) => asks.get(name)),
    [false, false, true, true],
  );
});

test('until they are asked for, nothing is opened and nothing said', async (t) => {
  const registry = new Registry();
  const openDirectoryEvents = t.mock.fn((): never => {
    throw new Error('opened');
  });
  const cgroups = new Cgroups({
    native: { openDirectoryEvents },
    watch: 'auto',
    metrics: cgroupMetrics(registry),
    log: SILENT,
    mountinfo: '/nowhere',
  });
  t.after(() => cgroups.close());
  assert.equal(cgroups.mode, undefined);
  cgroups.drain();
  assert.equal(openDirectoryEvents.mock.callCount(), 0);
  assert.doesNotMatch(await registry.metrics(), /^sonde_cgroup_watch\{/m);
});
