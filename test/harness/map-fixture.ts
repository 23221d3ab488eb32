import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Partition } from '../../aggregator/partition.js';
import type { BpfMap } from '../../native/index.js';
import type { BusRecord, Publisher } from '../../wire/bus.js';
import { makeCollector } from './collector-fixture.js';
import { exposedPartitions } from './exposed.js';
import { KeptSections } from './kept-sections.js';
import { readSamples } from './samples.js';
import { configFolder } from './sonde.js';

const OPTIONS = { metricPrefix: 'ebpf_exporter_', maxSeriesPerMetric: 1000, onProblem: assert.fail };

/** A bus to two aggregators: one that goes on, and one that is stored and begins anew from what was stored, with each frame. */
class TwoPartitions implements Publisher {
  readonly steady = new Partition(0, OPTIONS);
  #restored = new Partition(0, OPTIONS);
  readonly #kept = new KeptSections();
  #offset = 0n;

  async publish(records: readonly BusRecord[]): Promise<void> {
    for (const { key, value } of records) {
      const record = { offset: this.#offset++, key, value: value.slice(), timestampMs: 0 };
      this.steady.apply(record);
      this.#restored.apply(record);
      await this.#kept.keep(this.#restored);
      this.#restored = await this.#kept.restored(OPTIONS);
    }
  }

  /** What both expose. */
  async text(): Promise<string> {
    const text = await exposedPartitions([this.steady]);
    assert.equal(await exposedPartitions([this.#restored]), text);
    return text;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A collector on this kernel whose maps a test fills, with aggregators behind it. */
export interface MapFixture {
  readonly map: (name: string) => BpfMap;
  /** Reads the maps. Samples of the probe's own metrics as `name{label="value"}`, in order of the text, and its `# TYPE` lines. */
  readonly read: () => Promise<{ samples: Record<string, string>; types: Record<string, string> }>;
  readonly decodeErrors: () => number;
}

/** @param name of an object of `test/fixtures/bpf`. */
export async function startMaps(t: TestContext, name: string, yaml: string): Promise<MapFixture> {
  const publisher = new TwoPartitions();
  const folder = configFolder(t, { [name]: { yaml, object: name } });
  const { collector } = await makeCollector(t, folder, { bus: publisher });
  await collector.start();
  return {
    map: (map) => collector.probes[0]!.object!.maps.find((one) => one.name === map)!,
    read: async () => {
      await collector.refresh();
      return readText(await publisher.text());
    },
    decodeErrors: () => [...publisher.steady.hosts.values()][0]!.decodeErrors().get(name) ?? 0,
  };
}

function readText(text: string): { samples: Record<string, string>; types: Record<string, string> } {
  const samples: Record<string, string> = {};
  for (const { metric, labels, value } of readSamples(text)) {
    if (!metric.startsWith('ebpf_exporter_test_')) continue;
    const own = Object.entries(labels).filter(([label]) => label !== 'instance');
    const pairs = own.map(([label, of]) => `${label}="${of}"`).join();
    samples[`${metric.slice('ebpf_exporter_'.length)}{${pairs}}`] = value;
  }
  const types = [...text.matchAll(/^# TYPE ebpf_exporter_(test_\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]);
  return { samples, types: Object.fromEntries(types) as Record<string, string> };
}
