import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { Aggregator } from '../../aggregator/aggregator.js';
import { aggregatorMetrics } from '../../aggregator/metrics.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';
import { Collector, type CollectorOptions } from '../../collector/collector.js';
import { collectorMetrics, type CollectorMetrics } from '../../collector/metrics.js';
import type { SpoolSettings } from '../../collector/publish/uplink.js';
import { native } from '../../native/index.js';
import type { BusRecord } from '../../wire/bus.js';
import { loadConfigs } from '../../wire/config/load.js';
import { unpackU32, type Frame, type Health } from '../../wire/frame.js';
import { MemoryBus } from '../../wire/memory-bus.js';
import { obeyThisProcess } from './bpf-fixture.js';
import type { GatedBus } from './gated-bus.js';
import { SILENT } from './lane-fixture.js';
import { eventBytes, writeRecords } from './record-command.js';
import { readSamples } from './samples.js';
import { configFolder, type FixtureConfig } from './sonde.js';

/** Records of records.bpf.c, by a function's address (`at_ns`) and a number (`key`). */
const EVENTS = `metrics:
  counters:
    - name: events_total
      help: Records by function
      ringbuf: test_ring
      labels:
        - {name: function, member: at_ns, decoders: [{name: ksym}]}
    - name: amount_total
      help: What the records say
      ringbuf: test_ring
      value: amount
`;

/** Functions that every kernel has. */
export const FUNCTIONS = ['tcp_v4_connect', 'vfs_read', 'vfs_write', 'schedule'] as const;
const ADDRESSES = addressesOf(FUNCTIONS);

export interface CollectorFixtureOptions {
  readonly bus: GatedBus;
  readonly spool?: SpoolSettings;
  readonly keyframeIntervalMs?: number;
  /** Beside the config of the ring buffer. */
  readonly more?: Readonly<Record<string, FixtureConfig>>;
}

/** A collector on this kernel that reads when it is asked, silent, of the configs in a folder. Not started; closed after the test. */
export async function makeCollector(
  t: TestContext,
  folder: string,
  options: Pick<CollectorOptions, 'bus'> & Partial<CollectorOptions>,
): Promise<CollectorFixture> {
  const metrics = collectorMetrics(new Registry());
  const collector = new Collector({
    native,
    identity: { hostId: 'host', bootId: 'boot' },
    configs: await loadConfigs(folder),
    version: '0',
    pollIntervalMs: 3_600_000,
    metrics,
    log: SILENT,
    ...options,
  });
  t.after(() => collector.close());
  return { collector, metrics };
}

/** A collector on this kernel whose ring buffer this process fills. */
export async function startCollector(t: TestContext, options: CollectorFixtureOptions): Promise<CollectorFixture> {
  const { more, ...others } = options;
  const folder = configFolder(t, { ...more, records: { yaml: EVENTS, object: 'records' } });
  const { collector, metrics } = await makeCollector(t, folder, others);
  await collector.start();
  obeyThisProcess(collector.probes.find(({ config }) => config.name === 'records')!.programs[0]!.id);
  return { collector, metrics };
}

export interface CollectorFixture {
  readonly collector: Collector;
  readonly metrics: CollectorMetrics;
}

/** Writes records whose numbers go from `from` on, of each function in turn, and has them drained as often as the buffer needs it. */
export async function writeEvents(
  { collector }: Pick<CollectorFixture, 'collector'>,
  from: number,
  count: number,
): Promise<void> {
  for (let i = from; i < from + count; i++) {
    writeEvent(i);
    if (i % 200 === 199) await collector.refresh();
  }
  await collector.refresh();
}

/** One record, of 250 bytes. */
export function writeEvent(number: number): void {
  const record = new Uint8Array(250);
  record.set(eventBytes({ atNs: ADDRESSES[number % ADDRESSES.length]!, key: number, amount: BigInt(number) }));
  writeRecords('ring', record);
}

/** The numbers of the records in Records frames. */
export function eventsIn(frames: readonly Frame[]): number[] {
  return frames.flatMap(({ body }) => {
    if (body.case !== 'records') return [];
    const { data, lengths } = body.value;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    let at = 0;
    return [...unpackU32(lengths)].map((length) => {
      const number = view.getUint32(at + 8, true);
      at += Math.ceil(length / 8) * 8;
      return number;
    });
  });
}

/** The newest Health of the newest session. */
export function healthOf(frames: readonly Frame[]): Health {
  const body = frames.findLast((frame) => frame.body.case === 'health')?.body;
  if (body?.case !== 'health') throw new Error('no Health was published');
  return body.value;
}

/** What a fresh aggregator serves once these frames are applied, by metric and the labels of one's own. */
export async function aggregated(records: readonly BusRecord[]): Promise<Map<string, number>> {
  const bus = new MemoryBus();
  const registry = new Registry();
  const aggregator = new Aggregator({
    consumer: bus,
    metrics: aggregatorMetrics(registry),
    log: SILENT,
    metricPrefix: '',
    maxSeriesPerMetric: 10_000,
  });
  await aggregator.start();
  for (const record of records) await bus.publish([record]);
  const sources = { aggregator, registry, metricPrefix: '', instanceLabel: 'instance' };
  let text = '';
  for await (const chunk of exposition(sources, 'text')) text += chunk.toString();
  return new Map([...readSamples(text)].map(({ metric, labels, value }) => [nameOf(metric, labels), Number(value)]));
}

function nameOf(metric: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return `${metric}{${pairs.sort().join()}}`;
}

function addressesOf(names: readonly string[]): bigint[] {
  const text = readFileSync(join('/proc', 'kallsyms'), 'latin1');
  return names.map((name) => BigInt(`0x${new RegExp(`^([0-9a-f]+) \\w ${name}$`, 'm').exec(text)?.[1] ?? '0'}`));
}
