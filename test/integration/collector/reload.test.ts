import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Collector } from '../../../collector/collector.js';
import { loadConfigs } from '../../../wire/config/load.js';
import type { Manifest } from '../../../wire/frame.js';
import { command, obeyThisProcess, programsOf } from '../../harness/bpf-fixture.js';
import { aggregated, healthOf, makeCollector } from '../../harness/collector-fixture.js';
import { GatedBus } from '../../harness/gated-bus.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { eventBytes, writeRecords } from '../../harness/record-command.js';
import { configFolder } from '../../harness/sonde.js';

function rowsYaml(help: string): string {
  return `metrics: {counters: [{name: rows_total, help: ${help}, map: test_rows_total, labels: [{name: key, size: 4, decoders: [{name: uint}]}]}]}\n`;
}

function ringYaml(help: string): string {
  return `metrics: {counters: [{name: events_total, help: ${help}, ringbuf: test_ring}]}\n`;
}

interface Fixture {
  readonly bus: GatedBus;
  readonly collector: Collector;
  readonly folder: string;
  /** Loads what is in the folder now. */
  readonly reload: () => ReturnType<Collector['reload']>;
}

/** A collector with a probe of rows and one of records, which obey this process. */
async function start(t: TestContext): Promise<Fixture> {
  const folder = configFolder(t, {
    rows: { yaml: rowsYaml('One'), object: 'commands' },
    ring: { yaml: ringYaml('One'), object: 'records' },
  });
  const bus = new GatedBus();
  const { collector } = await makeCollector(t, folder, { bus });
  await collector.start();
  obey(collector);
  return { bus, collector, folder, reload: async () => collector.reload(await loadConfigs(folder)) };
}

function obey({ probes }: Collector): void {
  for (const { programs } of probes) obeyThisProcess(programs[0]!.id);
}

function write(count: number): void {
  writeRecords('ring', eventBytes({ key: 1 }), count);
}

function manifestsOf(bus: GatedBus): Manifest[] {
  return bus.frames.flatMap(({ body }) => (body.case === 'manifest' ? [body.value] : []));
}

/** Of the only series of a metric, as an aggregator has it that reads all frames; undefined: there is none. */
async function valueOf(bus: GatedBus, metric: string): Promise<number | undefined> {
  return [...(await aggregated(bus.records))].find(([key]) => key.startsWith(`${metric}{`))?.[1];
}

test('a collector that reloads', { skip: skipUnlessRoot }, async (t) => {
  await t.test('says what runs in a Manifest of the next revision; totals go on', async (t) => {
    const { bus, collector, folder, reload } = await start(t);
    command('hash', 1, 5);
    write(3);
    writeFileSync(join(folder, 'rows.yaml'), rowsYaml('Two'));
    writeFileSync(join(folder, 'ring.yaml'), ringYaml('Two'));
    assert.deepEqual((await reload()).changed, ['ring', 'rows']);
    obey(collector);
    command('hash', 1, 2);
    write(4);
    await collector.refresh();
    const manifests = manifestsOf(bus);
    assert.deepEqual(
      manifests.map(({ revision, configs }) => [revision, configs.map(({ name, id, epoch }) => [name, id, epoch])]),
      [
        [
          1n,
          [
            ['ring', 0, 1],
            ['rows', 1, 1],
          ],
        ],
        [
          2n,
          [
            ['ring', 0, 2],
            ['rows', 1, 2],
          ],
        ],
      ],
    );
    assert.equal(await valueOf(bus, 'rows_total'), 7);
    assert.equal(await valueOf(bus, 'events_total'), 7);
  });

  await t.test('gives a config that comes back another number, and its series begin anew', async (t) => {
    const { bus, collector, folder, reload } = await start(t);
    const all = await loadConfigs(folder);
    command('hash', 1, 5);
    assert.deepEqual((await collector.reload(all.filter(({ name }) => name === 'ring'))).removed, ['rows']);
    assert.equal(await valueOf(bus, 'rows_total'), undefined);
    assert.deepEqual((await reload()).added, ['rows']);
    obey(collector);
    command('hash', 1, 2);
    await collector.refresh();
    const last = manifestsOf(bus).at(-1)!;
    assert.deepEqual(
      last.configs.map(({ name, id, epoch }) => [name, id, epoch]),
      [
        ['ring', 0, 1],
        ['rows', 2, 1],
      ],
    );
    assert.equal(await valueOf(bus, 'rows_total'), 2);
  });

  await t.test('keeps the account of what it has replaced: what Health says never falls', async (t) => {
    const { bus, collector, folder, reload } = await start(t);
    write(7);
    await collector.refresh();
    const drained = (): bigint =>
      healthOf(bus.frames)
        .hops.filter(({ hop, config }) => hop === 'collector' && config === 'ring')
        .reduce((sum, hop) => sum + hop.out, 0n);
    assert.equal(drained(), 7n);
    writeFileSync(join(folder, 'ring.yaml'), ringYaml('Two'));
    await reload();
    assert.equal(drained(), 7n);
    obey(collector);
    write(2);
    await collector.refresh();
    await collector.refresh(); // the Health that follows the acknowledgement
    assert.equal(drained(), 9n);
  });

  await t.test('refuses while the bus does not take what would go, and loses nothing', async (t) => {
    const { bus, folder, reload } = await start(t);
    const before = programsOf(process.pid);
    command('hash', 1, 5);
    bus.state = 'away';
    writeFileSync(join(folder, 'rows.yaml'), rowsYaml('Two'));
    await assert.rejects(reload(), /what rows has counted could not be sent/);
    assert.deepEqual(programsOf(process.pid), before, 'nothing is left of the new one');
    bus.state = 'up';
    command('hash', 1, 1);
    for (let tries = 0; tries < 100; tries++) {
      if ((await reload().catch(() => undefined)) !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(await valueOf(bus, 'rows_total'), 6);
  });

  await t.test('a reload that is refused goes on with the records that it held back', async (t) => {
    const { bus, collector, folder } = await start(t);
    writeFileSync(join(folder, 'ring.yaml'), ringYaml('Two'));
    const configs = await loadConfigs(folder);
    // `ring` is attached when `rows`, which comes after it, is found not to fit.
    const wrong = {
      ...configs[1]!,
      yaml: '',
      counters: [{ ...configs[1]!.counters[0]!, source: { kind: 'map', map: 'none' } as const }],
    };
    const refused = collector.reload([configs[0]!, wrong]);
    write(11);
    await assert.rejects(refused, /no map none in the object/);
    write(2);
    await collector.refresh();
    assert.equal(await valueOf(bus, 'events_total'), 13);
  });
});
