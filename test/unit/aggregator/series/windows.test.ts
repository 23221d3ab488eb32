import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition } from '../../../../aggregator/partition.js';
import { layoutToMessage } from '../../../../wire/layout-message.js';
import { packRecords } from '../../../harness/event-metric.js';
import { exposedPartitions, federatedPartitions } from '../../../harness/exposed.js';
import { FrameSource } from '../../../harness/frames.js';
import { KeptSections } from '../../../harness/kept-sections.js';
import { readSamples } from '../../../harness/samples.js';
import { int, struct, u32 } from '../../wire/layout/layouts.js';

const gauge = (aggregate: string, more = ''): string =>
  `    - {name: ${aggregate}, help: H, ringbuf: events, value: level, aggregate: ${aggregate}, labels: [{name: queue}]${more}}\n`;
const YAML = `metrics:\n  gauges:\n${gauge('max', ', window: 10s')}${gauge('min', ', window: 10s')}${gauge('last')}`;
const EVENT = struct('event', 8, [0, 'queue', u32], [4, 'level', int('s32', 4, true)]);
const ROLLUPS = ['max', 'min'].map((metric) => ({ metric, by: [], name: `${metric}_of_all` }));
const OPTIONS = { metricPrefix: '', maxSeriesPerMetric: 1000, onProblem: assert.fail, rollups: ROLLUPS };

class EventSource extends FrameSource {
  override manifest(): Uint8Array {
    const map = { id: 0, name: 'events', type: 'ringbuf', maxEntries: 4096, value: layoutToMessage(EVENT) };
    return this.frame({
      case: 'manifest',
      value: {
        host: { hostname: 'test', arch: 'x86_64', littleEndian: true, possibleCpus: 2 },
        revision: 1n,
        configs: [{ id: 0, name: 'probe', yaml: Buffer.from(YAML), epoch: 1, maps: [map] }],
      },
    });
  }

  events(seconds: number, ...events: readonly (readonly [queue: number, level: number])[]): Uint8Array {
    this.realtimeNs = BigInt(seconds) * 1_000_000_000n;
    const records = events.map(([queue, level]) => new Uint8Array(new Int32Array([queue, level]).buffer));
    return this.frame({
      case: 'records',
      value: { configId: 0, epoch: 1, mapId: 0, ...packRecords(records), lost: 0n },
    });
  }

  tick(seconds: number): Uint8Array {
    this.realtimeNs = BigInt(seconds) * 1_000_000_000n;
    return this.frame({ case: 'health', value: {} });
  }
}

/** A partition, and one that is stored and goes on from what was stored after each frame. */
class Shown {
  readonly steady = new Partition(0, OPTIONS);
  #restored = new Partition(0, OPTIONS);
  readonly #kept = new KeptSections();
  #offset = 0n;

  async apply(host: string, value: Uint8Array): Promise<void> {
    const record = { offset: this.#offset++, key: host, value, timestampMs: 0 };
    this.steady.apply(record);
    this.#restored.apply(record);
    await this.#kept.keep(this.#restored);
    this.#restored = await this.#kept.restored(OPTIONS);
  }

  /** `metric queue: value` of these metrics. */
  async read(...metrics: readonly string[]): Promise<Record<string, string>> {
    const text = await exposedPartitions([this.steady]);
    assert.equal(await exposedPartitions([this.#restored]), text);
    const samples = [...readSamples(text)].filter(({ metric }) => metrics.includes(metric));
    return Object.fromEntries(
      samples.map(({ metric, labels, value }) => [`${metric} ${labels['queue'] ?? ''}`, value]),
    );
  }
}

test('the greatest and the least of the window that runs and the one before are shown, whoever looks how often', async () => {
  const shown = new Shown();
  const source = new EventSource(1);
  const apply = (frame: Uint8Array): Promise<void> => shown.apply('host', frame);
  const values = (): Promise<Record<string, string>> => shown.read('max', 'min');
  source.realtimeNs = 100_000_000_000n;
  await apply(source.manifest());
  // Windows begin at 100 s, 110 s, …
  await apply(source.events(101, [1, 5], [1, 90], [1, -7], [2, 3]));
  const first = { 'max 1': '90', 'max 2': '3', 'min 1': '-7', 'min 2': '3' };
  assert.deepEqual(await values(), first);
  assert.deepEqual(await values(), first);
  await apply(source.events(109, [1, 6]));
  await apply(source.tick(110));
  assert.deepEqual(await values(), first, 'the window before is shown, too');
  await apply(source.events(112, [1, 8], [1, 4]));
  assert.deepEqual(await values(), first);
  // The window of 100 s is over: its peaks are gone, and queue 2, which has had nothing since, ends.
  await apply(source.tick(120));
  assert.deepEqual(await values(), { 'max 1': '8', 'min 1': '4' });
  await apply(source.events(121, [1, 7], [3, -1]));
  assert.deepEqual(await values(), { 'max 1': '8', 'max 3': '-1', 'min 1': '4', 'min 3': '-1' });
  // Two windows at once.
  await apply(source.tick(145));
  assert.deepEqual(await values(), {});
  assert.deepEqual(await shown.read('last'), { 'last 1': '7', 'last 2': '3', 'last 3': '-1' });
  // A frame that is late counts when it comes: the host's time does not go back.
  await apply(source.events(119, [1, 1]));
  assert.deepEqual(await values(), { 'max 1': '1', 'min 1': '1' });
});

test('hosts together have the greatest of their greatest, and the least of their least', async () => {
  const shown = new Shown();
  for (const [host, level] of [
    ['a', -4],
    ['b', -9],
    ['c', -2],
  ] as const) {
    const source = new EventSource(1, host);
    await shown.apply(host, source.manifest());
    await shown.apply(host, source.events(5, [1, level]));
  }
  assert.deepEqual(await shown.read('max_of_all', 'min_of_all'), { 'max_of_all ': '-2', 'min_of_all ': '-9' });
  const text = await exposedPartitions([shown.steady]);
  assert.match(text, /^# HELP max_of_all Greatest over hosts: H$/m);
  assert.match(text, /^# TYPE max_of_all gauge$/m);
  assert.match(await federatedPartitions([shown.steady], ['min_of_all']), /^min_of_all\{.*\} -9 /m);
});
