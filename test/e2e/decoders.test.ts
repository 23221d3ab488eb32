import assert from 'node:assert/strict';
import test from 'node:test';
import { fixtureYaml, obeyThisProcess, programsOf } from '../harness/bpf-fixture.js';
import { countAll } from '../harness/decoder-rows.js';
import { AggregatorProcess } from '../harness/fleet/processes.js';
import { untilSame } from '../harness/fleet/same-series.js';
import { configFolder, runSonde, startSonde } from '../harness/sonde.js';
import { testFolder } from '../services/folders.js';
import { startKafka } from '../services/kafka.js';

/** Decoders that ask the host. */
const ASKING = [
  'ksym',
  'kstack',
  'cgroup',
  'ifname',
  'majorminor',
  'pci_vendor',
  'pci_device',
  'pci_class',
  'pci_subclass',
];

test('every decoder says the same through Kafka as in sonde run', async (t) => {
  const kafka = await startKafka(t);
  const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
  assert.equal((await runSonde(['topics', 'create', ...brokers])).status, 0);
  const aggregator = await AggregatorProcess.serving(t, brokers);
  const folder = configFolder(t, { decoders: { yaml: fixtureYaml('decoders'), object: 'decoders' } });
  const probes = ['--config.dir', folder, '--poll-interval', '1'];
  const here = await startSonde(t, probes);
  const fleet = [...brokers, '--spool.dir', testFolder(t, 'spool'), '--host.id', 'db-1', '--host.name', 'db-1.example'];
  const collector = await startSonde(t, [...probes, ...fleet], 'collect');
  for (const { pid } of [here, collector]) for (const id of programsOf(pid)) obeyThisProcess(id);
  countAll();
  const lines = await untilSame(here.url, aggregator.url, 'db-1.example', () => collector.stderr() + aggregator.output);
  for (const name of [...ASKING, 'syscall', 'errno', 'regexp', 'bytes', 'dname']) {
    assert.ok(
      lines.some((line) => line.startsWith(`ebpf_exporter_test_${name}_total{`)),
      `a row of ${name} in\n${lines.join('\n')}`,
    );
  }
  assert.ok(!lines.some((line) => /unknown_cgroup_id|\?\?/.test(line)), lines.join('\n'));
});
