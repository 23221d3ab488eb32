import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition, type PartitionOptions } from '../../../../aggregator/partition.js';
import type { ConsumedRecord } from '../../../../wire/bus.js';
import { exposedPartitions } from '../../../harness/exposed.js';
import { KeptSections } from '../../../harness/kept-sections.js';
import { MadeHost } from '../../../harness/made-host.js';
import { forSeeds } from '../../../harness/seed.js';
import { randomInteger } from '../../../../lib/random.js';

const MINUTE_MS = 60_000;
const OPTIONS: PartitionOptions = {
  metricPrefix: '',
  maxSeriesPerMetric: 10_000,
  onProblem: (host, config, message) => assert.fail(`${host} ${config}: ${message}`),
  hostTtlMs: 10 * MINUTE_MS,
  limits: [{ metric: 'made_total', ttl: 5 * MINUTE_MS }],
  rollups: [
    { metric: 'made_total', by: [], name: 'all_total' },
    { metric: 'made_total', by: ['rack'], name: 'rack_total' },
    { metric: 'made_total', by: ['rack', 'one'], name: 'one_total' },
    { metric: 'made_seconds', by: ['rack'], name: 'rack_seconds' },
  ],
};
const RACKS = ['r1', 'r"2', ''];
const ONES = ['a', 'b', 'x\\y', 'other'];
const BUCKETS = ['1e-06', '2e-06', '4e-06', '8e-06'];

/** Sums by line, such as `rack_total{rack="r1"}`: what all hosts have ever counted under the labels that they had then. */
class Truth {
  readonly sums = new Map<string, bigint>();

  counted(one: string, rack: string, count: bigint): void {
    this.#add('all_total{}', count);
    this.#add(`rack_total{rack=${quoted(rack)}}`, count);
    this.#add(`one_total{one=${quoted(one)},rack=${quoted(rack)}}`, count);
  }

  observed(bucket: number, rack: string, count: bigint): void {
    for (const bound of [...BUCKETS.slice(bucket), '+Inf'])
      this.#add(`rack_seconds_bucket{rack=${quoted(rack)},le="${bound}"}`, count);
    this.#add(`rack_seconds_count{rack=${quoted(rack)}}`, count);
  }

  #add(line: string, count: bigint): void {
    this.sums.set(line, (this.sums.get(line) ?? 0n) + count);
  }
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** What is exposed of the sums, over all partitions, and how many partitions each has. */
async function sumsOf(partitions: readonly Partition[]): Promise<Map<string, bigint>> {
  const sums = new Map<string, bigint>();
  for (const line of (await exposedPartitions(partitions)).split('\n')) {
    const match =
      /^((?:all|rack|one)_(?:total|seconds_bucket|seconds_count)\{)instance="",sonde_partition="\d+"(.*) (\d+)$/.exec(
        line,
      );
    if (match === null) continue;
    const name = match[1]! + match[2]!.replace(/^,/, '');
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(match[3]!));
  }
  return sums;
}

function withoutZeros(sums: ReadonlyMap<string, bigint>): [string, bigint][] {
  return [...sums].filter(([, sum]) => sum !== 0n).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A host's collector, and what it has counted in its session. */
class Collector {
  readonly #id: string;
  readonly #truth: Truth;
  readonly #random: () => number;
  #source: MadeHost;
  #session = 0;
  #epoch = 1;
  #rack = '';
  #second = 'two';
  #counters = new Map<string, bigint>();
  #buckets = new Map<string, bigint>();

  constructor(id: string, truth: Truth, random: () => number) {
    this.#id = id;
    this.#truth = truth;
    this.#random = random;
    this.#source = this.#begin();
  }

  get id(): string {
    return this.#id;
  }

  /** Its next frames; those of a new session when it has to be one. */
  next(nowMs: number, mustBegin: boolean): Uint8Array[] {
    const roll = this.#random();
    const frames: Uint8Array[] = [];
    const begins = mustBegin || roll < 0.08;
    if (begins) {
      this.#source = this.#begin();
      this.#epoch = 1;
      this.#counters = new Map<string, bigint>();
      this.#buckets = new Map<string, bigint>();
    }
    this.#source.realtimeNs = BigInt(nowMs) * 1_000_000n;
    if (begins) frames.push(this.#source.manifest());
    else if (roll < 0.1) {
      // A reload: its rows begin again.
      this.#counters = new Map<string, bigint>();
      this.#buckets = new Map<string, bigint>();
      frames.push(this.#source.manifest(++this.#epoch));
    }
    frames.push(this.#rows(), this.#histogram());
    return frames;
  }

  #begin(): MadeHost {
    this.#rack = RACKS[randomInteger(this.#random, RACKS.length)]!;
    if (this.#random() < 0.3) this.#second = this.#second === 'two' ? 'zwei' : 'two';
    const labels = this.#rack === '' ? {} : { rack: this.#rack };
    return new MadeHost(this.#id, { session: ++this.#session, labels, second: this.#second });
  }

  #rows(): Uint8Array {
    const rows = Array.from({ length: 1 + randomInteger(this.#random, 3) }, () => {
      const [one, two] = [ONES[randomInteger(this.#random, ONES.length)]!, `t${randomInteger(this.#random, 3)}`];
      const count = BigInt(randomInteger(this.#random, 2 ** 26)) ** 2n;
      this.#truth.counted(one, this.#rack, count);
      const key = JSON.stringify([one, two]);
      this.#counters.set(key, (this.#counters.get(key) ?? 0n) + count);
      return key;
    });
    const unique = [...new Set(rows)];
    return this.#source.counters(
      unique.map((key) => [...(JSON.parse(key) as [string, string]), this.#counters.get(key)!] as const),
      this.#epoch,
    );
  }

  #histogram(): Uint8Array {
    const bucket = randomInteger(this.#random, BUCKETS.length);
    const count = BigInt(randomInteger(this.#random, 100));
    const one = ONES[randomInteger(this.#random, ONES.length)]!;
    this.#truth.observed(bucket, this.#rack, count);
    const key = JSON.stringify([one, bucket]);
    this.#buckets.set(key, (this.#buckets.get(key) ?? 0n) + count);
    return this.#source.histogram([[one, bucket, this.#buckets.get(key)!]], this.#epoch);
  }
}

/** A partition that is stored now and then, and that may be restored at any time. */
class Stored {
  readonly #number: number;
  readonly #kept = new KeptSections();
  #since: ConsumedRecord[] = [];
  partition: Partition;

  constructor(number: number) {
    this.#number = number;
    this.partition = new Partition(number, OPTIONS);
  }

  apply(record: ConsumedRecord): void {
    this.#since.push(record);
    this.partition.apply(record);
  }

  async store(): Promise<void> {
    await this.#kept.keep(this.partition);
    this.#since = [];
  }

  async restore(): Promise<void> {
    this.partition = await this.#kept.restored(OPTIONS, this.#number);
    for (const record of this.#since) this.partition.apply(record);
  }
}

test('sums are what all hosts have ever counted, whatever becomes of them, and never fall (seeds)', async () => {
  let [left, ended] = [0, 0];
  await forSeeds(6, async (random) => {
    const truth = new Truth();
    const partitions = [new Stored(0), new Stored(1)];
    const collectors = Array.from({ length: 6 }, (_, i) => new Collector(`host-${i}`, truth, random));
    const sleepsUntil = new Map<Collector, number>();
    let [nowMs, offset] = [1_000_000, 0n];
    let before = new Map<string, bigint>();
    for (let step = 0; step < 400; step++) {
      nowMs += randomInteger(random, 30_000);
      const collector = collectors[randomInteger(random, collectors.length)]!;
      if ((sleepsUntil.get(collector) ?? 0) > nowMs) continue;
      const stored = partitions[Number(collector.id.at(-1)) % 2]!;
      const known = stored.partition.hosts.size;
      // Whoever has been forgotten meanwhile starts anew.
      const frames = collector.next(nowMs, !stored.partition.hosts.has(collector.id));
      for (const value of frames) stored.apply({ key: collector.id, value, offset: offset++, timestampMs: nowMs });
      if (stored.partition.hosts.size < known) left++;
      if (random() < 0.03) sleepsUntil.set(collector, nowMs + 20 * MINUTE_MS);
      if (random() < 0.2) await stored.store();
      if (random() < 0.1) await stored.restore();
      if (step % 10 !== 0) continue;
      const sums = await sumsOf(partitions.map(({ partition }) => partition));
      assert.deepEqual(withoutZeros(sums), withoutZeros(truth.sums), `step ${step}`);
      for (const [line, sum] of before) assert.ok((sums.get(line) ?? -1n) >= sum, `${line} fell or is gone`);
      before = sums;
    }
    const text = await exposedPartitions(partitions.map(({ partition }) => partition));
    if (/made_total\{.*one="other"/.test(text)) ended++;
  });
  assert.ok(left > 5, `${left} hosts have left`);
  assert.ok(ended > 0, 'series have ended');
});
