import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { command, fixtureYaml, obeyThisProcess, programsOf } from '../../harness/bpf-fixture.js';
import { forwardPort, joinHost } from '../../harness/guest-network.js';
import { configFolder, startSonde } from '../../harness/sonde.js';
import { assertKept, NO_CAPABILITIES } from '../../harness/thread-status.js';
import { testFolder } from '../../services/folders.js';
import { add } from '../format/map-kinds.js';

const TIMEOUT_MS = 120_000;
const {
  SONDE_TEST_BROKER_PORT: brokerPort,
  SONDE_TEST_AGGREGATOR_PORT: aggregatorPort,
  SONDE_TEST_HOST: name,
} = process.env;

/** Run by `../vm.test.ts` in guests, with a broker and an aggregator on the machine that they run on. */
test('through Kafka an aggregator elsewhere has what sonde run shows here', async (t) => {
  assert.ok(brokerPort !== undefined && aggregatorPort !== undefined && name !== undefined, 'started by vm.test.ts');
  joinHost();
  const forwards = [await forwardPort(Number(brokerPort)), await forwardPort(Number(aggregatorPort))];
  t.after(() => forwards.forEach((close) => close()));
  const folder = configFolder(t, {
    commands: { yaml: fixtureYaml('commands'), object: 'commands' },
    'map-kinds': { yaml: fixtureYaml('map-kinds'), object: 'map-kinds' },
  });
  const probes = ['--config.dir', folder, '--poll-interval', '1'];
  const here = await startSonde(t, probes);
  const fleet = ['--kafka.brokers', `127.0.0.1:${brokerPort}`, '--spool.dir', testFolder(t, 'spool')];
  const collector = await startSonde(t, [...probes, ...fleet, '--host.id', name, '--host.name', name], 'collect');
  for (const { pid } of [here, collector]) for (const id of programsOf(pid)) obeyThisProcess(id);

  // All that follows is read without any.
  for (const { pid } of [here, collector]) assertKept(pid, NO_CAPABILITIES);
  command('hash', 1, 23);
  command('hashHigh', 2, 2 ** 21 + 1);
  command('lru', 3, 7);
  command('perCpu', 4, 41);
  command('hash', 5, 3);
  command('delete', 5, 0);
  command('hash', 5, 4);
  add(1, 5);
  add(2, 3);
  const wanted = series(await (await fetch(`${here.url}/metrics`)).text());
  assert.ok(wanted.length >= 5, wanted.join('\n'));
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    const there = await (await fetch(`http://127.0.0.1:${aggregatorPort}/metrics`)).text();
    const found = series(there, name);
    if (found.join() === wanted.join()) return;
    if (Date.now() > deadline) assert.deepEqual(found, wanted, collector.stderr());
    await sleep(500);
  }
});

/** Lines of the probe's own metrics, sorted; of one host of an aggregator, without its label. */
function series(text: string, instance?: string): string[] {
  const label = instance === undefined ? '' : `instance="${instance}",`;
  return text
    .split('\n')
    .filter((line) => line.startsWith('ebpf_exporter_test_') && line.includes(label))
    .map((line) => line.replace(label, ''))
    .sort();
}
