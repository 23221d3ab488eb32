import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition } from '../../../../aggregator/partition.js';
import { FamilyWriter } from '../../../../aggregator/output/prometheus/family-writer.js';
import { Family } from '../../../../aggregator/series/family.js';
import { limitsOf } from '../../../../aggregator/series/limits.js';
import { saveHost } from '../../../../aggregator/state/host-state.js';
import { parseConfig } from '../../../../wire/config/parse.js';
import { exposed, federated } from '../../../harness/exposed.js';
import { KeptSections } from '../../../harness/kept-sections.js';
import { BUCKETS, LimitedSource, type MadeRow } from '../../../harness/limited-metrics.js';
import { LimitedModel, type ModelLimits } from '../../../harness/limited-model.js';
import { forSeeds } from '../../../harness/seed.js';
import { randomInteger } from '../../../../lib/random.js';

const OPTIONS = { metricPrefix: '', maxSeriesPerMetric: 2_000_000, onProblem: () => undefined };
const MAPS = ['c_total', 'h'] as const;
const METRICS = [...MAPS, 'e_total'] as const;
const BEGAN_MS = 1_700_000_000_000;

/** What feeds a metric of the made host, as its collector has it, beside the model of the metric. */
class Made {
  readonly model: LimitedModel;
  readonly #isHistogram: boolean;
  readonly #random: () => number;
  rows = new Map<number, MadeRow>();
  /** Everything that has ever been counted, by cell. */
  readonly total: bigint[];
  #generation = 0;

  constructor(metric: (typeof METRICS)[number], limits: ModelLimits, random: () => number) {
    this.#isHistogram = metric === 'h';
    this.#random = random;
    this.total = Array.from({ length: this.#isHistogram ? BUCKETS + 1 : 1 }, () => 0n);
    this.model = new LimitedModel(limits, this.total.length, BEGAN_MS);
  }

  /** Some rows begin, rise or vanish; those are the rows of the next frame. */
  change(nowMs: number): MadeRow[] {
    const slots = new Set(
      Array.from({ length: 1 + randomInteger(this.#random, 12) }, () => randomInteger(this.#random, 30)),
    );
    return [...slots].map((slot) => {
      const before = this.rows.get(slot);
      const row = before ?? this.#newRow(slot, nowMs);
      const step =
        this.#random() < 0.2 ? 0n : BigInt(randomInteger(this.#random, 2 ** 20)) ** (this.#random() < 0.1 ? 2n : 1n);
      const vanished = this.#random() < 0.25;
      const next = { ...row, value: row.value + step, vanished };
      if (vanished) this.rows.delete(slot);
      else this.rows.set(slot, next);
      this.#tell(next, step, nowMs);
      return next;
    });
  }

  /** All rows are gone with their map. */
  clear(nowMs: number): void {
    this.model.vanishAll(nowMs);
    this.rows = new Map();
  }

  /** Records come; those are the keys of the next frame. */
  records(nowMs: number): (readonly [number, number])[] {
    const keys = Array.from({ length: 1 + randomInteger(this.#random, 12) }, () => this.#labels(nowMs));
    for (const [a, b] of keys) this.model.count(this.model.textOf(a, b), nowMs);
    this.total[0]! += BigInt(keys.length);
    return keys;
  }

  /** Keys come in waves, so that today's large ones are not tomorrow's. */
  #labels(nowMs: number): readonly [number, number] {
    const wave = Math.floor((nowMs - BEGAN_MS) / 400_000) * 7;
    return [wave + randomInteger(this.#random, 6), randomInteger(this.#random, 4)];
  }

  #newRow(slot: number, nowMs: number): MadeRow {
    const bucket = this.#isHistogram ? [randomInteger(this.#random, BUCKETS + 1)] : [];
    const key = [...this.#labels(nowMs), ...bucket];
    return { slot, generation: ++this.#generation, key, value: 0n, vanished: false };
  }

  #tell({ slot, generation, key: [a, b, bucket = 0], vanished }: MadeRow, step: bigint, nowMs: number): void {
    const name = `${slot}/${generation}`;
    this.model.add(name, this.model.textOf(a!, b!), bucket, step, nowMs);
    if (vanished) this.model.vanish(name, nowMs);
    this.total[bucket]! += step;
  }
}

/** What an exposition says of a metric: by labels, the cells of each series. */
function shownOf(text: string, metric: (typeof METRICS)[number]): Map<string, bigint[]> {
  const shown = new Map<string, bigint[]>();
  for (const line of text.split('\n')) {
    const match = new RegExp(
      `^${metric}(_bucket|_sum)?\\{instance="test"(?:,(.*?))?(?:,?le="([^"]*)")?\\} (\\d+)$`,
    ).exec(line);
    if (match === null) continue;
    const [, , labels = '', le, value] = match;
    if (le === '+Inf') continue;
    const cells = shown.get(labels) ?? [];
    shown.set(labels, cells);
    // Buckets come cumulative, one after the other.
    const below = le === undefined ? 0n : cells.reduce((sum, cell) => sum + cell, 0n);
    cells.push(BigInt(value!) - below);
  }
  return shown;
}

function overflowedOf(text: string, metric: string): number {
  const line = new RegExp(`^sonde_series_overflowed_total\\{(?:label="[ab]",)?metric="${metric}"\\} (\\d+)$`, 'm');
  return Number(line.exec(text)?.[1]);
}

interface Combination {
  readonly yaml: string;
  readonly limits: ModelLimits;
}

const BOTH = ['a', 'b'] as const;
const NO_CAP = 2_000_000;
const COMBINATIONS: readonly Combination[] = [
  { yaml: '', limits: { cap: NO_CAP, labels: BOTH } },
  { yaml: '{cap: 7}', limits: { cap: 7, labels: BOTH } },
  { yaml: '{ttl: 100s}', limits: { cap: NO_CAP, ttlMs: 100_000, labels: BOTH } },
  { yaml: '{ttl: 2s}', limits: { cap: NO_CAP, ttlMs: 2000, labels: BOTH } },
  { yaml: '{top: 3}', limits: { cap: 10_000, top: 3, labels: BOTH } },
  { yaml: '{keep: [b]}', limits: { cap: NO_CAP, labels: ['b'] } },
  { yaml: '{drop: [b]}', limits: { cap: NO_CAP, labels: ['a'] } },
  { yaml: '{drop: [a, b]}', limits: { cap: NO_CAP, labels: [] } },
  { yaml: '{cap: 9, ttl: 60s}', limits: { cap: 9, ttlMs: 60_000, labels: BOTH } },
  { yaml: '{top: 4, ttl: 60s}', limits: { cap: 10_000, ttlMs: 60_000, top: 4, labels: BOTH } },
  { yaml: '{cap: 12, top: 4, ttl: 60s}', limits: { cap: 12, ttlMs: 60_000, top: 4, labels: BOTH } },
  { yaml: '{cap: 5, top: 20}', limits: { cap: 5, top: 20, labels: BOTH } },
  { yaml: '{top: 2, ttl: 30s, drop: [b]}', limits: { cap: 10_000, ttlMs: 30_000, top: 2, labels: ['a'] } },
];

for (const { yaml, limits } of COMBINATIONS) {
  test(`limits ${yaml || 'none'}: as the naive model has it; totals exact, nothing falls, what lives stays`, () =>
    forSeeds(3, (random) => compareWithModel(yaml, limits, random)));
}

async function compareWithModel(yaml: string, limits: ModelLimits, random: () => number): Promise<void> {
  const source = new LimitedSource(yaml);
  const partition = new Partition(0, OPTIONS);
  const made = {
    c_total: new Made('c_total', limits, random),
    h: new Made('h', limits, random),
    e_total: new Made('e_total', limits, random),
  };
  // The same, but stored and restored now and then.
  const kept = new KeptSections();
  let restored = new Partition(0, OPTIONS);
  let before: Record<string, Map<string, bigint[]>> = {};
  let nowMs = BEGAN_MS;
  let offset = 0n;
  const apply = (value: Uint8Array): void => {
    const record = { key: 'host', value, offset: offset++, timestampMs: 0 };
    partition.apply(record);
    restored.apply(record);
  };
  const send = (value: Uint8Array): void => {
    apply(value);
    for (const { model } of Object.values(made)) model.settle(nowMs);
  };
  send(source.restart(nowMs));
  for (let step = 0; step < 250; step++) {
    nowMs += randomInteger(random, random() < 0.02 ? 200_000 : 12_000);
    const roll = random();
    if (roll < 0.03) {
      for (const metric of MAPS) made[metric].clear(nowMs);
      send(roll < 0.015 ? source.restart(nowMs) : source.reload(nowMs));
    } else if (roll < 0.1) {
      send(source.tick(nowMs));
    } else {
      const metric = METRICS[randomInteger(random, 3)]!;
      const frame =
        metric === 'e_total'
          ? source.records(nowMs, made[metric].records(nowMs))
          : source.rows(nowMs, metric, made[metric].change(nowMs));
      send(frame);
      // Kafka may bring it twice.
      if (random() < 0.1) apply(frame);
    }
    if (random() < 0.05) {
      await kept.keep(restored);
      restored = await kept.restored(OPTIONS);
    }
    const text = await exposed(partition.hosts.values());
    if (step % 10 === 0)
      assert.equal(await exposed(restored.hosts.values()), text, 'stored and restored, it is the same');
    const after: typeof before = {};
    for (const metric of METRICS) {
      after[metric] = shownOf(text, metric);
      check(after[metric], before[metric], made[metric], limits);
      assert.equal(overflowedOf(text, metric), made[metric].model.overflowed);
    }
    before = after;
  }
}

function check(
  shown: ReadonlyMap<string, bigint[]>,
  before: ReadonlyMap<string, bigint[]> | undefined,
  { model, total }: Made,
  limits: ModelLimits,
): void {
  assert.deepEqual(sorted(shown), sorted(model.view()));
  const sum = total.map((_, cell) => [...shown.values()].reduce((all, cells) => all + cells[cell]!, 0n));
  assert.deepEqual(sum, total, 'what is shown adds up to everything that was counted');
  for (const [text, cells] of before ?? []) {
    shown.get(text)?.forEach((value, cell) => assert.ok(value >= cells[cell]!, `${text} fell`));
  }
  if (limits.top === undefined) {
    for (const text of model.liveTexts()) assert.ok(shown.has(text), `${text} lives, and is shown`);
  }
  assert.ok(shown.size <= Math.min(limits.cap, limits.top ?? Infinity) + 1);
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}

test("a config's own limits go before the settings, of which the first entry that fits counts", () => {
  const metric = (limits: string): ReturnType<typeof parseConfig>['counters'][number] =>
    parseConfig('p', 'p.yaml', `metrics: {counters: [{name: reads_total, help: R${limits}}]}`).counters[0]!;
  const settings = (...patterns: readonly string[]): Parameters<typeof limitsOf>[1] => ({
    metricPrefix: 'ebpf_exporter_',
    maxSeriesPerMetric: 500_000,
    limits: patterns.map((pattern, i) => ({ metric: pattern, cap: 100 + i, ttl: 5000 })),
  });
  assert.deepEqual(limitsOf(metric(''), settings('writes_*', 'reads', 'reads_*', '*')), { cap: 102, ttlMs: 5000 });
  assert.deepEqual(limitsOf(metric(''), settings('ebpf_exporter_*s_total')), { cap: 100, ttlMs: 5000 });
  assert.deepEqual(limitsOf(metric(''), settings('reads.total', '*s')), { cap: 500_000 });
  const own = ', limits: {ttl: 1s, top: 3}';
  assert.deepEqual(limitsOf(metric(own), settings('*')), { cap: 100, ttlMs: 1000, top: 3 });
  const flushed = ', perf_event_array: true, flush_interval: 2s';
  assert.deepEqual(limitsOf(metric(flushed), settings('*')), { cap: 100, ttlMs: 2000 });

  assert.deepEqual(limitsOf(metric(', limits: {top: 3}'), settings()), { cap: 10_000, top: 3 });
  assert.deepEqual(limitsOf(metric(', limits: {top: 3000}'), settings()), { cap: 30_000, top: 3000 });
  assert.deepEqual(limitsOf(metric(', limits: {top: 300000}'), settings()), { cap: 500_000, top: 300_000 });
});

test('the label with the most values is blamed for an overflow', () => {
  const family = new Family({ name: 'm', help: '', type: 'counter', labels: ['a', 'b'] }, { cap: 3 });
  const add = (a: string, b: string): void => {
    const text = Buffer.from(`a="${a}",b="${b}"`);
    family.series(text, text.length);
  };
  for (const b of ['x', '\\",a=\\"y', 'z']) add('1', b);
  assert.equal(family.overflowLabel, undefined);
  assert.equal(family.overflowed, 0);
  for (let a = 0; a < 20; a++) add(String(a), 'new');
  assert.equal(family.overflowLabel, 'b', 'as it was when it began');
  assert.equal(family.overflowed, 20);
});

test('a million ever new keys leave nothing behind but their sum', () => {
  const ROWS = 1000;
  const source = new LimitedSource('{ttl: 60s}');
  const partition = new Partition(0, OPTIONS);
  let offset = 0n;
  const send = (value: Uint8Array): unknown =>
    partition.apply({ key: 'host', value, offset: offset++, timestampMs: 0 });
  send(source.restart(BEGAN_MS));
  const family = partition.hosts.get('host')!.store.get('c_total')!;
  let most = 0;
  let bytes = 0;
  for (let poll = 0; poll < 1000; poll++) {
    const nowMs = BEGAN_MS + poll * 10_000;
    // Each read finds other rows than the one before, in slots that are taken in turns.
    const rows = (of: number, vanished: boolean): MadeRow[] =>
      Array.from({ length: ROWS }, (_, i) => ({
        slot: (of % 2) * ROWS + i,
        generation: of + 1,
        key: [of, i],
        value: 3n,
        vanished,
      }));
    send(source.rows(nowMs, 'c_total', [...(poll === 0 ? [] : rows(poll - 1, true)), ...rows(poll, false)]));
    most = Math.max(most, family.size);
    if (poll === 100 || poll === 999) {
      const size = [...saveHost(partition.hosts.get('host')!)].reduce((sum, [, section]) => sum + section.length, 0);
      if (poll === 999) assert.ok(size < bytes * 1.5, `${bytes} bytes have become ${size}`);
      bytes = size;
    }
  }
  assert.ok(most <= 10 * ROWS, `${most} series`);
  let total = 0n;
  for (let series = 0; series < family.size; series++) total += family.cells.get(series);
  assert.equal(total, 3_000_000n);
});

test('series that end while they are written are written to the end', () => {
  const clock = { nowMs: 0 };
  const family = new Family(
    { name: 'm', help: '', type: 'counter', labels: ['a'] },
    { cap: 10_000, ttlMs: 5000 },
    clock,
  );
  const lines: string[] = [];
  for (let i = 0; i < 6000; i++) {
    const text = Buffer.from(`a="${'x'.repeat(50)}${i}"`);
    family.cells.addDifference(family.series(text, text.length), i, 0, 0, 0);
    lines.push(`m{${text.toString()}} ${i}`);
  }
  const writer = new FamilyWriter(family.view());
  const chunks = [writer.next()!];
  clock.nowMs = 10_000;
  assert.ok(family.settle() !== undefined);
  assert.equal(family.size, 1);
  for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) chunks.push(chunk);
  assert.ok(chunks.length > 1);
  assert.deepEqual(Buffer.concat(chunks).toString().trimEnd().split('\n'), lines);
});

test('limits that come with a restart hold from then on, and live rows stay', async () => {
  const source = new LimitedSource('');
  const before = new Partition(0, OPTIONS);
  let offset = 0n;
  const row = (slot: number, value: bigint, vanished: boolean): MadeRow => ({
    slot,
    generation: 1,
    key: [slot, 0],
    value,
    vanished,
  });
  const send = (partition: Partition, value: Uint8Array): unknown =>
    partition.apply({ key: 'host', value, offset: offset++, timestampMs: 0 });
  send(before, source.restart(BEGAN_MS));
  send(before, source.rows(BEGAN_MS, 'c_total', [row(0, 5n, false), row(1, 6n, false), row(2, 7n, true)]));
  const kept = new KeptSections();
  await kept.keep(before);
  const limits = [{ metric: 'c_*', ttl: 60_000, top: 2 }];
  const after = await kept.restored({ ...OPTIONS, limits });
  const shown = async (): Promise<unknown> =>
    Object.fromEntries(shownOf(await exposed(after.hosts.values()), 'c_total'));
  send(after, source.tick(BEGAN_MS + 1000));
  assert.deepEqual(await shown(), { 'a="1",b="0"': [6n], 'a="2",b="0"': [7n], 'a="other",b="other"': [5n] });
  assert.match(
    await federated(after.hosts.values(), ['c_total{a="other"}']),
    /^c_total\{instance="test",a="other",b="other"\} 5 \d+$/m,
  );
  send(after, source.tick(BEGAN_MS + 3_600_000));
  // The largest has ended, and the one that took its place began at 0 then.
  assert.deepEqual(await shown(), { 'a="0",b="0"': [0n], 'a="1",b="0"': [6n], 'a="other",b="other"': [12n] });
  send(after, source.rows(BEGAN_MS + 3_601_000, 'c_total', [row(3, 9n, false), row(0, 15n, false)]));
  assert.deepEqual(await shown(), { 'a="0",b="0"': [10n], 'a="1",b="0"': [6n], 'a="other",b="other"': [21n] });
  send(after, source.tick(BEGAN_MS + 3_662_000));
  send(after, source.rows(BEGAN_MS + 3_663_000, 'c_total', [row(0, 18n, false), row(3, 10n, false)]));
  assert.deepEqual(await shown(), { 'a="0",b="0"': [13n], 'a="3",b="0"': [1n], 'a="other",b="other"': [27n] });
});
