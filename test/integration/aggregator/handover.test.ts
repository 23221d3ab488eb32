import assert from 'node:assert/strict';
import test from 'node:test';
import { Registry } from 'prom-client';
import { Aggregator } from '../../../aggregator/aggregator.js';
import { aggregatorMetrics } from '../../../aggregator/metrics.js';
import { MemoryStateStore } from '../../../aggregator/state/memory-state-store.js';
import type { StateStore, TakenPartition } from '../../../aggregator/state/state-store.js';
import { createLogger } from '../../../lib/log.js';
import { seededRandom } from '../../../lib/random.js';
import type { ConsumedRecord, Consumer, DeadLetter } from '../../../wire/bus.js';
import { SondeError } from '../../../wire/errors.js';
import { exposed } from '../../harness/exposed.js';
import { FrameSource } from '../../harness/frames.js';
import { randomTraffic } from '../../harness/traffic.js';
import { until } from '../../harness/until.js';

const LOG = createLogger({ debug: false, timestamps: false }).child({}, { level: 'silent' });
const PARTITION = 3;

/** A member that a test gives partitions to. What it has committed is noted. */
class Member implements Consumer {
  readonly committed: bigint[] = [];
  readonly letters: DeadLetter[] = [];
  readonly aggregator: Aggregator;
  readonly metrics = aggregatorMetrics(new Registry());
  isShown = true;

  constructor(store: StateStore, storeIntervalMs = 5) {
    this.aggregator = new Aggregator({
      consumer: this,
      store,
      storeIntervalMs,
      metrics: this.metrics,
      log: LOG,
      metricPrefix: '',
      maxSeriesPerMetric: 40,
      deadLetters: { bury: (letter) => void this.letters.push(letter), close: () => Promise.resolve() },
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  shown(): ReadonlySet<number> {
    return new Set(this.isShown ? [PARTITION] : []);
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  commit(_partition: number, offset: bigint): Promise<void> {
    this.committed.push(offset);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.aggregator.leaving();
  }

  /** Gives it the partition, and the records from where it goes on. */
  async take(records: readonly ConsumedRecord[]): Promise<void> {
    const from = (await this.aggregator.assigned(PARTITION)) ?? 0n;
    await this.apply(records.filter(({ offset }) => offset >= from));
  }

  apply(records: readonly ConsumedRecord[]): Promise<void> {
    return this.aggregator.apply(PARTITION, records);
  }

  text(): Promise<string> {
    return exposed(this.aggregator.shownHosts());
  }
}

/** A store that can be away. */
class FailingStore extends MemoryStateStore {
  isAway = false;

  override async take(partition: number): Promise<TakenPartition> {
    this.#check();
    return super.take(partition);
  }

  override async isOwner(partition: number, epoch: bigint): Promise<boolean> {
    this.#check();
    return super.isOwner(partition, epoch);
  }

  override async store(...args: Parameters<MemoryStateStore['store']>): Promise<boolean> {
    this.#check();
    return super.store(...args);
  }

  #check(): void {
    if (this.isAway) throw new SondeError('NETWORK', 'the store is away');
  }
}

function traffic(seed: number, count: number): ConsumedRecord[] {
  const records: ConsumedRecord[] = [];
  for (const record of randomTraffic(seededRandom(seed))) if (records.push(record) === count) break;
  return records;
}

async function truthOf(records: readonly ConsumedRecord[]): Promise<string> {
  const member = new Member(new MemoryStateStore(), 3_600_000);
  await member.take(records);
  return member.text();
}

test('a new owner goes on from what was stored, and the old one writes no more', async (t) => {
  const store = new MemoryStateStore();
  const records = traffic(1, 900);
  const [old, fresh] = [new Member(store), new Member(store, 3_600_000)];
  await old.aggregator.start();
  t.after(() => old.aggregator.close());
  await old.take(records.slice(0, 300));
  await until(() => old.committed.length > 0, 'the state to be stored');
  assert.equal(old.committed.at(-1), records[299]!.offset + 1n, 'committed is what is stored');

  // The old one has stopped in between; it applies more of the log later, and does not know of the new owner.
  await fresh.take(records.slice(0, 600));
  old.isShown = false;
  const before = old.committed.length;
  await old.apply(records.slice(300, 900));
  await until(() => [...old.aggregator.partitions()].every(({ isLost }) => isLost), 'the write to be refused');
  assert.equal(old.committed.length, before);
  assert.equal(await fresh.text(), await truthOf(records.slice(0, 600)));

  // When it gets the partition back, it takes what the other has stored, not what it had in memory.
  await fresh.aggregator.leaving();
  old.isShown = true;
  await old.take(records.slice(0, 700));
  assert.equal(await old.text(), await truthOf(records.slice(0, 700)));
});

test('a partition that stays goes on in memory, also while the store is away', async () => {
  const store = new FailingStore();
  const records = traffic(2, 600);
  const member = new Member(store, 3_600_000);
  await member.take(records.slice(0, 200));
  assert.equal(await member.aggregator.assigned(PARTITION), records[199]!.offset + 1n, 'although nothing is stored');
  store.isAway = true;
  await member.aggregator.leaving();
  assert.notEqual(member.aggregator.storeAwaySinceMs, undefined);
  assert.equal(await member.aggregator.assigned(PARTITION), records[199]!.offset + 1n);
  await member.apply(records.slice(200));
  assert.equal(await member.text(), await truthOf(records));
  assert.deepEqual(member.committed, []);
  store.isAway = false;
  await member.aggregator.leaving();
  assert.equal(member.aggregator.storeAwaySinceMs, undefined);
  assert.deepEqual(member.committed, [records.at(-1)!.offset + 1n]);
});

test('the time of a write is observed when there was one', async () => {
  const store = new FailingStore();
  const records = traffic(6, 200);
  const member = new Member(store, 3_600_000);
  const passes = async (): Promise<number> => {
    await member.aggregator.leaving();
    const { values } = await member.metrics.storeSeconds.get();
    return values.find(({ metricName }) => metricName?.endsWith('_count'))?.value ?? 0;
  };
  await member.take(records.slice(0, 100));
  store.isAway = true;
  assert.equal(await passes(), 0, 'it failed');
  store.isAway = false;
  assert.equal(await passes(), 1);
  assert.equal(await passes(), 1, 'nothing has changed');
  await member.apply(records.slice(100));
  assert.equal(await passes(), 2);
});

test('a partition whose state cannot be read waits for it, and is not begun from nothing', async () => {
  const store = new FailingStore();
  const records = traffic(3, 300);
  const first = new Member(store, 3_600_000);
  await first.take(records);
  await first.aggregator.leaving();
  store.isAway = true;
  const second = new Member(store, 3_600_000);
  const taken = second.take(records);
  await until(() => second.aggregator.storeAwaySinceMs !== undefined, 'the first try');
  assert.deepEqual([...second.aggregator.partitions()], []);
  store.isAway = false;
  await taken;
  assert.equal(await second.text(), await truthOf(records));
});

test('an owner whose state the store has lost writes it anew, whole', async (t) => {
  const store = new MemoryStateStore();
  const records = traffic(4, 400);
  const member = new Member(store);
  await member.aggregator.start();
  t.after(() => member.aggregator.close());
  await member.take(records.slice(0, 300));
  await until(() => member.committed.length > 0, 'the state to be stored');
  // As if it had been emptied: the epoch is another's.
  await store.take(PARTITION);
  await member.apply(records.slice(300));
  await until(() => member.committed.at(-1) === records.at(-1)!.offset + 1n, 'the state to be stored again');
  const other = new Member(store, 3_600_000);
  await other.take([]);
  assert.equal(await other.text(), await truthOf(records));
});

test('what is at fault itself is buried with its place; what only came too early is not', async () => {
  const member = new Member(new MemoryStateStore(), 3_600_000);
  const source = new FrameSource(1);
  source.manifest();
  const record = (value: Uint8Array, offset: bigint): ConsumedRecord => ({
    key: 'host',
    value,
    offset,
    timestampMs: 0,
  });
  await member.take([record(source.rows([[0, 1, 7, 1n]]), 5n), record(Buffer.from('no frame'), 6n)]);
  assert.deepEqual(
    member.letters.map(({ partition, reason, record: { offset, key } }) => ({ partition, reason, offset, key })),
    [{ partition: PARTITION, reason: 'frame_malformed', offset: 6n, key: 'host' }],
  );
});
