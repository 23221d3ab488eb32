import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition } from '../../../../aggregator/partition.js';
import { randomInteger } from '../../../../lib/random.js';
import { packU32 } from '../../../../wire/frame.js';
import { exposedPartitions } from '../../../harness/exposed.js';
import { FrameSource } from '../../../harness/frames.js';
import { KeptSections } from '../../../harness/kept-sections.js';
import { readSamples } from '../../../harness/samples.js';
import { forSeeds } from '../../../harness/seed.js';

const OPTIONS = { metricPrefix: '', maxSeriesPerMetric: 1000, onProblem: assert.fail };
const GROUPS = 4;
const SLOTS = 24;

const gauge = (aggregate: string): string =>
  `    - {name: ${aggregate}, map: rows, aggregate: ${aggregate}, help: H, labels: [{name: group, size: 4, decoders: [{name: uint}]}, {name: id, size: 4, decoders: [{name: uint}]}], limits: {drop: [id]}}\n`;
const YAML = `metrics:\n  gauges:\n${['sum', 'min', 'max', 'last'].map(gauge).join('')}`;
const INT64 = { kind: 'int', name: 's64', size: 8, signed: true };

interface Row {
  generation: number;
  group: number;
  value: bigint;
}

class GaugeSource extends FrameSource {
  override manifest(epoch = 1): Uint8Array {
    const map = { id: 0, name: 'rows', type: 'hash', keySize: 8, valueSize: 8, maxEntries: SLOTS, value: INT64 };
    return this.frame({
      case: 'manifest',
      value: {
        host: { hostname: 'test', arch: 'x86_64', littleEndian: true, possibleCpus: 2 },
        revision: BigInt(epoch),
        configs: [{ id: 0, name: 'probe', yaml: Buffer.from(YAML), epoch, maps: [map] }],
      },
    });
  }

  gauges(rows: readonly (readonly [slot: number, row: Row, vanished: boolean])[]): Uint8Array {
    return this.frame({
      case: 'mapRows',
      value: {
        configId: 0,
        epoch: 1,
        mapId: 0,
        slots: packU32(Uint32Array.from(rows, ([slot]) => slot)),
        generations: packU32(Uint32Array.from(rows, ([, { generation }]) => generation)),
        keys: packU32(Uint32Array.from(rows.flatMap(([slot, { group }]) => [group, slot]))),
        values: new Uint8Array(BigInt64Array.from(rows, ([, { value }]) => value).buffer),
        vanished: Uint8Array.from(rows, ([, , vanished]) => Number(vanished)),
        last: true,
      },
    });
  }
}

/** The gauges of what is in the map, worked out row by row. */
function expected(rows: ReadonlyMap<number, Row>): Record<string, string> {
  const samples: Record<string, string> = {};
  for (let group = 0; group < GROUPS; group++) {
    const values = [...rows.values()].filter((row) => row.group === group).map(({ value }) => value);
    if (values.length === 0) continue;
    samples[`sum ${group}`] = `${values.reduce((sum, value) => sum + value, 0n)}`;
    samples[`min ${group}`] = `${values.reduce((least, value) => (value < least ? value : least))}`;
    samples[`max ${group}`] = `${values.reduce((most, value) => (value > most ? value : most))}`;
  }
  return samples;
}

test('gauges are what their rows are, whatever changes, goes, comes again, and however often an aggregator takes over', () =>
  forSeeds(8, async (random) => {
    const steady = new Partition(0, OPTIONS);
    let restored = new Partition(0, OPTIONS);
    const kept = new KeptSections();
    let offset = 0n;
    const apply = async (value: Uint8Array): Promise<void> => {
      const record = { offset: offset++, key: 'host', value, timestampMs: 0 };
      steady.apply(record);
      restored.apply(record);
      if (random() < 0.5) return;
      await kept.keep(restored);
      restored = await kept.restored(OPTIONS);
    };
    let [session, source] = [1, new GaugeSource(1)];
    await apply(source.manifest());
    const rows = new Map<number, Row>();
    const generations = new Uint32Array(SLOTS);
    for (let frame = 0; frame < 60; frame++) {
      const changes: [number, Row, boolean][] = [];
      for (const slot of new Set(
        Array.from({ length: randomInteger(random, 6) }, () => randomInteger(random, SLOTS)),
      )) {
        const known = rows.get(slot);
        const value = BigInt(randomInteger(random, 7) - 3) * (random() < 0.1 ? 2n ** 60n : 1n);
        if (known !== undefined && random() < 0.3) {
          changes.push([slot, known, true]);
          rows.delete(slot);
          continue;
        }
        if (known === undefined) generations[slot]!++;
        const group = known?.group ?? randomInteger(random, GROUPS);
        const row = { generation: generations[slot]!, group, value };
        rows.set(slot, row);
        changes.push([slot, row, false]);
      }
      if (random() < 0.05) {
        source = new GaugeSource(++session);
        rows.clear();
        generations.fill(0);
        await apply(source.manifest());
      } else await apply(source.gauges(changes));
      const text = await exposedPartitions([steady]);
      assert.equal(await exposedPartitions([restored]), text);
      const samples = [...readSamples(text)].filter(({ metric }) => ['sum', 'min', 'max', 'last'].includes(metric));
      const found = samples.map(({ metric, labels, value }) => [`${metric} ${labels['group']}`, value] as const);
      const known = Object.fromEntries(found.filter(([name]) => !name.startsWith('last')));
      assert.deepEqual(known, expected(rows));
      for (const [name, value] of found.filter(([name]) => name.startsWith('last'))) {
        const group = Number(name.slice('last '.length));
        const own = [...rows.values()].filter((row) => row.group === group).map((row) => `${row.value}`);
        assert.ok(own.includes(value), `${name} is ${value}, and rows have ${own.join()}`);
      }
    }
  }));
