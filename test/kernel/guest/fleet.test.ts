import assert from 'node:assert/strict';
import test from 'node:test';
import { command, fixtureYaml, obeyThisProcess, programsOf } from '../../harness/bpf-fixture.js';
import { countAll } from '../../harness/decoder-rows.js';
import { untilSame } from '../../harness/fleet/same-series.js';
import { forwardPort, joinHost } from '../../harness/guest-network.js';
import { configFolder, startSonde } from '../../harness/sonde.js';
import { assertKept } from '../../harness/thread-status.js';
import { testFolder } from '../../services/folders.js';
import { writePciIds } from '../format/decoders.js';
import { add } from '../format/map-kinds.js';

/** What kernel symbols need, as the kernel writes it. */
const CAP_SYSLOG = '0000000400000000';
const {
  SONDE_TEST_BROKER_PORT: brokerPort,
  SONDE_TEST_AGGREGATOR_PORT: aggregatorPort,
  SONDE_TEST_HOST: name,
} = process.env;

/** Run by `../vm.test.ts` in guests, with a broker and an aggregator on the machine that they run on. */
test('through Kafka an aggregator elsewhere has what sonde run shows here', async (t) => {
  assert.ok(brokerPort !== undefined && aggregatorPort !== undefined && name !== undefined, 'started by vm.test.ts');
  joinHost();
  writePciIds();
  const forwards = [await forwardPort(Number(brokerPort)), await forwardPort(Number(aggregatorPort))];
  t.after(() => forwards.forEach((close) => close()));
  const folder = configFolder(t, {
    commands: { yaml: fixtureYaml('commands'), object: 'commands' },
    decoders: { yaml: fixtureYaml('decoders'), object: 'decoders' },
    'map-kinds': { yaml: fixtureYaml('map-kinds'), object: 'map-kinds' },
  });
  const probes = ['--config.dir', folder, '--poll-interval', '1'];
  const here = await startSonde(t, probes);
  const fleet = ['--kafka.brokers', `127.0.0.1:${brokerPort}`, '--spool.dir', testFolder(t, 'spool')];
  const collector = await startSonde(t, [...probes, ...fleet, '--host.id', name, '--host.name', name], 'collect');
  for (const { pid } of [here, collector]) for (const id of programsOf(pid)) obeyThisProcess(id);

  // All that follows is read without any other.
  for (const { pid } of [here, collector]) assertKept(pid, CAP_SYSLOG);
  command('hash', 1, 23);
  command('hashHigh', 2, 2 ** 21 + 1);
  command('lru', 3, 7);
  command('perCpu', 4, 41);
  command('hash', 5, 3);
  command('delete', 5, 0);
  command('hash', 5, 4);
  add(1, 5);
  add(2, 3);
  countAll();
  const there = `http://127.0.0.1:${aggregatorPort}`;
  const lines = await untilSame(here.url, there, name, () => collector.stderr());
  assert.ok(lines.length >= 30, lines.join('\n'));
});
