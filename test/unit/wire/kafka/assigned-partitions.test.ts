import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssignedPartitions, type LogControl } from '../../../../wire/kafka/assigned-partitions.js';
import type { Fetched, LogBounds } from '../../../../wire/kafka/membership.js';
import type { BatchRecord } from '../../../../wire/kafka/record-batch.js';
import { CheckedHandler, KeptLog } from '../../../harness/kafka-bus.js';

/** The log of a topic, as far as a consumer orders things of it. */
class FakeLog implements LogControl {
  readonly orders: string[] = [];
  bound: LogBounds;

  constructor(low: bigint, high: bigint) {
    this.bound = { low, high };
  }
  pause(partitions: readonly number[]): void {
    this.orders.push(`pause ${partitions.join()}`);
  }
  resume(partition: number): void {
    this.orders.push(`resume ${partition}`);
  }
  seek(partition: number, offset: bigint): void {
    this.orders.push(`seek ${partition} ${offset}`);
  }
  bounds(): Promise<ReadonlyMap<number, LogBounds>> {
    return Promise.resolve(new Map([0, 1].map((partition) => [partition, this.bound])));
  }
}

function record(offset: number): BatchRecord {
  return {
    ...{ attributes: 0, timestamp: '7', offset: String(offset), key: Buffer.from('host') },
    ...{ value: Buffer.from(String(offset)), headers: {} },
  };
}

function batch(...records: BatchRecord[]): Fetched['batches'][number] {
  return { open: () => Promise.resolve(records) };
}

/** A fetch that brought the records from `first` to before `end`. */
function fetch(first: number, end: number, more: Partial<Fetched> = {}): Fetched & { readonly resolved: bigint[] } {
  const resolved: bigint[] = [];
  return {
    partition: 0,
    fetchedOffset: BigInt(first),
    batches: [batch(...Array.from({ length: end - first }, (_, n) => record(first + n)))],
    nextOffset: BigInt(end),
    endOffset: BigInt(end),
    isWanted: () => true,
    resolve: (offset) => resolved.push(offset),
    heartbeat: () => Promise.resolve(),
    ...more,
    resolved,
  };
}

/** Turns enough for everything that waits for nothing but turns. */
async function turns(): Promise<void> {
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
}

function partitions(handler = new CheckedHandler()): {
  mine: AssignedPartitions;
  handler: CheckedHandler;
  faults: unknown[];
} {
  const faults: unknown[] = [];
  const mine = new AssignedPartitions({
    handler,
    slice: { maxBytes: 1000, maxRecords: 2 },
    log: new KeptLog(),
    onFault: (error) => faults.push(error),
    onChange: () => undefined,
  });
  return { mine, handler, faults };
}

/** Partition 0, assigned at `next` in a log from `low` to `high`. */
async function assigned(
  next: bigint | undefined,
  low = 0n,
  high = 100n,
): Promise<{ mine: AssignedPartitions; handler: CheckedHandler; log: FakeLog }> {
  const { handler, mine } = partitions();
  if (next !== undefined) handler.state.next.set(0, next);
  const log = new FakeLog(low, high);
  mine.assign(log, [0]);
  await turns();
  return { mine, handler, log };
}

test('a partition begins where the handler says, or with the oldest record', async () => {
  assert.deepEqual((await assigned(50n)).log.orders, ['seek 0 50', 'resume 0']);
  assert.deepEqual((await assigned(undefined, 7n)).log.orders, ['seek 0 7', 'resume 0']);
  const gone = await assigned(3n, 7n);
  assert.deepEqual(gone.log.orders, ['seek 0 7', 'resume 0']);
  assert.equal(gone.mine.stats.gaps, 4);
});

test('a fetch that was under way when the place was set is dropped, whether it began before or after it', async () => {
  for (const first of [10, 80]) {
    const { handler, log, mine } = await assigned(50n);
    const stale = fetch(first, first + 3);
    await mine.fetched(stale);
    assert.deepEqual([handler.texts(0), stale.resolved], [[], []]);
    assert.deepEqual(log.orders.slice(2), ['seek 0 50'], 'and the place is set again');
    assert.equal(mine.stats.gaps, 0);
    await mine.fetched(fetch(50, 53));
    assert.deepEqual(handler.texts(0), ['50', '51', '52']);
  }
});

test('when the log has lost what comes next, the gap is counted, and consuming goes on at its beginning', async () => {
  const { log, mine } = await assigned(50n);
  log.bound = { low: 60n, high: 100n };
  await mine.fetched(fetch(60, 62));
  assert.equal(mine.stats.gaps, 10);
  assert.deepEqual(log.orders.slice(2), ['seek 0 60']);
});

test('what is handed over is resolved slice by slice, with a heartbeat between', async () => {
  const { handler, mine } = await assigned(0n, 0n, 5n);
  const events: string[] = [];
  const fetched = fetch(0, 5, {
    resolve: (offset) => events.push(`resolve ${offset}`),
    heartbeat: () => {
      events.push(`heartbeat after ${handler.texts(0).length}`);
      return Promise.resolve();
    },
  });
  await mine.fetched(fetched);
  assert.deepEqual(events, [
    ...['resolve 2', 'heartbeat after 2', 'resolve 4', 'heartbeat after 4', 'resolve 5', 'heartbeat after 5'],
    'resolve 5',
  ]);
  assert.deepEqual([...mine.readUp()], [0]);
  assert.deepEqual([...mine.lags()], [[0, 0n]]);
});

test('a heartbeat that says the group is rebalancing ends the fetch, and reaches kafkajs', async () => {
  const { handler, mine } = await assigned(0n);
  const rebalancing = new Error('rebalancing');
  await assert.rejects(mine.fetched(fetch(0, 6, { heartbeat: () => Promise.reject(rebalancing) })), rebalancing);
  assert.deepEqual(handler.texts(0), ['0', '1']);
});

test('an assignment in the middle of a fetch ends it, and begins after the call that is under way', async () => {
  const { handler, log, mine } = await assigned(0n);
  const fetching = mine.fetched(fetch(0, 6));
  await Promise.resolve(); // Its batch is open then.
  mine.assign(log, [0]);
  await fetching;
  await turns();
  assert.deepEqual(handler.texts(0), ['0', '1'], 'one slice');
  assert.deepEqual(handler.broken, []);
  assert.deepEqual(log.orders.slice(2), ['seek 0 2', 'resume 0']);
});

test('a partition that goes away: the handler hears of it after the call that is under way, once', async () => {
  const { handler, log, mine } = await assigned(0n);
  const fetching = mine.fetched(fetch(0, 6));
  await Promise.resolve(); // Its batch is open then.
  mine.assign(log, [1]);
  assert.equal(mine.has(0), false);
  assert.deepEqual(handler.calls, ['assigned 0']);
  await fetching;
  await turns();
  assert.deepEqual(handler.calls.sort(), ['assigned 0', 'assigned 1', 'revoked 0']);
  assert.deepEqual(handler.broken, []);
  await mine.fetched(fetch(2, 4));
  assert.deepEqual(handler.texts(0), ['0', '1'], 'nothing of it is handed over any more');
});

test('after the end of a membership nothing is handed over, and a late place is not set', async () => {
  const { handler, mine } = partitions();
  const log = new FakeLog(0n, 10n);
  mine.assign(log, [0]);
  mine.suspend();
  await turns();
  assert.deepEqual(log.orders, []);
  await mine.fetched(fetch(0, 2));
  assert.deepEqual(handler.texts(0), []);
});

test('records of the broker are stepped over only from where the partition is', async () => {
  const { handler, mine } = await assigned(4n, 0n, 6n);
  mine.steppedOver(0, 2n, 9n);
  assert.deepEqual([...mine.readUp()], []);
  mine.steppedOver(0, 4n, 6n);
  assert.deepEqual([...mine.readUp()], [0]);
  await mine.fetched(fetch(6, 7));
  assert.deepEqual(handler.texts(0), ['6']);
});

test('what cannot be read is counted by its offsets, and is no gap', async () => {
  const { mine } = await assigned(0n);
  const placeholder = { ...record(8), unreadable: { reason: 'batch_malformed', fromOffset: 5n } } as const;
  const batches = [batch(record(0), record(1)), batch(placeholder), batch(record(9))];
  await mine.fetched(fetch(0, 10, { batches }));
  assert.deepEqual(mine.stats, {
    ...{ records: 3, bytes: 3, gaps: 3 },
    unreadable: { batch_malformed: 4, batch_too_large: 0, codec_unknown: 0 },
  });
});

test('a batch is opened when those before it are done with, and not at all when nothing is wanted any more', async () => {
  const { handler, mine } = await assigned(0n);
  const opened: string[] = [];
  let isWanted = true;
  const batches = [0, 2, 4].map((first) => ({
    open: () => {
      opened.push(`${first} after ${handler.texts(0).length}`);
      if (first === 2) isWanted = false;
      return Promise.resolve([record(first), record(first + 1)]);
    },
  }));
  await mine.fetched(fetch(0, 6, { batches, isWanted: () => isWanted }));
  assert.deepEqual(opened, ['0 after 0', '2 after 2']);
  assert.deepEqual(handler.texts(0), ['0', '1']);
});
