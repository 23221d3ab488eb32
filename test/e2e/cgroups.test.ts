import assert from 'node:assert/strict';
import { rmdirSync } from 'node:fs';
import test from 'node:test';
import { fixtureYaml } from '../harness/bpf-fixture.js';
import { makeCgroup, skipUnlessUnified, unifiedMount } from '../harness/cgroups.js';
import { AggregatorProcess } from '../harness/fleet/processes.js';
import { configFolder, runSonde, startSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';
import { commandsIn } from '../kernel/format/cgroups.js';
import { testFolder } from '../services/folders.js';
import { startKafka } from '../services/kafka.js';

const HOST = 'instance="db-1"';

test(
  'cgroups have the same paths through Kafka as in sonde run, and the chosen ones count there, too',
  {
    skip: skipUnlessUnified,
  },
  async (t) => {
    const kafka = await startKafka(t);
    const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
    assert.equal((await runSonde(['topics', 'create', ...brokers])).status, 0);
    const aggregator = await AggregatorProcess.serving(t, brokers);
    const folder = configFolder(t, { cgroups: { yaml: fixtureYaml('cgroups'), object: 'cgroups' } });
    const probes = ['--config.dir', folder, '--poll-interval', '1'];
    const here = await startSonde(t, probes);
    const fleet = [...brokers, '--spool.dir', testFolder(t, 'spool'), '--host.id', 'db-1', '--host.name', 'db-1'];
    const collector = await startSonde(t, [...probes, ...fleet], 'collect');

    const chosen = makeCgroup(t, unifiedMount(), `sonde-chosen-${process.pid}-1`);
    const deep = makeCgroup(t, makeCgroup(t), 'deep');
    const gone = makeCgroup(t);
    for (const { url } of [here, collector]) {
      await until(async () => /^sonde_cgroup_id_map_entries\{.*\} 1$/m.test(await text(url)), 'the map to have it');
    }
    commandsIn(chosen, 7);
    commandsIn(deep, 23);
    commandsIn(gone, 5);
    rmdirSync(gone);

    const wanted = [
      `ebpf_exporter_test_cgroup_chosen_total{cgroup="${chosen}"} 7`,
      `ebpf_exporter_test_cgroup_commands_total{cgroup="${chosen}"} 7`,
      `ebpf_exporter_test_cgroup_commands_total{cgroup="${deep}"} 23`,
      `ebpf_exporter_test_cgroup_commands_total{cgroup="${gone}"} 5`,
    ].sort();
    const ofAggregator = async (): Promise<string[]> => series(await text(aggregator.url));
    await until(async () => (await ofAggregator()).length >= wanted.length, 'all series to have come through Kafka');
    await until(async () => (await ofAggregator()).join() === wanted.join(), 'them to have their values');
    assert.deepEqual(series(await text(here.url)), wanted);
  },
);

async function text(url: string): Promise<string> {
  return await (await fetch(`${url}/metrics`)).text();
}

/** The fixture's own, sorted, without the host's label. */
function series(exposition: string): string[] {
  return exposition
    .split('\n')
    .filter((line) => line.startsWith('ebpf_exporter_test_cgroup_'))
    .map((line) => line.replace(`${HOST},`, '').replace(`,${HOST}`, ''))
    .sort();
}
