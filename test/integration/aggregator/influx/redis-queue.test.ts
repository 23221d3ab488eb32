import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { RedisQueue, type RedisQueueOptions } from '../../../../aggregator/output/influx/redis-queue.js';
import { missing } from '../../../../bin/ledger/ledger.js';
import { batchOf, bench, influxRow, point, written } from '../../../harness/influx-bench.js';
import { until } from '../../../harness/until.js';
import { testFolder } from '../../../services/folders.js';
import { startRedis } from '../../../services/redis.js';

const log = pino({ level: 'silent' });

function queueAt(t: TestContext, url: string, more: Partial<RedisQueueOptions> = {}): RedisQueue {
  return new RedisQueue({
    redis: { url },
    prefix: 'sonde',
    maxBytes: 2 ** 24,
    letterFolder: testFolder(t, 'influx-letters'),
    maxDeadBytes: 2 ** 24,
    log,
    timeoutMs: 1000,
    pauseMs: 20,
    ...more,
  });
}

function numbers(count: number, from = 0): Set<number> {
  return new Set(Array.from({ length: count }, (_, i) => from + i));
}

test('points wait in Redis over its death, and are written, each once, when InfluxDB is back', async (t) => {
  const redis = await startRedis(t, { aof: 'always' });
  const { influx, proxy, registry, start } = await bench(t);
  const queue = queueAt(t, redis.url);
  const writer = await start({ queue });
  proxy.fault = { status: 503 };
  for (let n = 0; n < 20; n++) await writer.submit(batchOf(point(2 * n), point(2 * n + 1)));
  await writer.settled();
  assert.equal(queue.stats().waiting.points, 40);
  await redis.kill();
  // What comes while Redis is away waits in memory.
  await writer.submit(batchOf(point(40)));
  assert.equal(writer.stats.pending, 1);
  assert.equal(missing(await influxRow(registry)), 0n);
  await redis.restart();
  await writer.settled();
  proxy.fault = 'pass';
  await until(() => queue.stats().waiting.points === 0, 'the queue to be empty');
  assert.deepEqual(await written(influx), numbers(41));
  assert.equal(writer.stats.lost.size, 0);
  assert.equal(missing(await influxRow(registry)), 0n);
  assert.equal((await influxRow(registry)).waiting, 0n);
});

test('Redis is away at the start: points wait for it', async (t) => {
  const redis = await startRedis(t, { aof: 'always' });
  const { influx, proxy, start } = await bench(t);
  await redis.kill();
  const writer = await start({ queue: queueAt(t, redis.url) });
  proxy.fault = { status: 503 };
  await writer.submit(batchOf(point(0)));
  await redis.restart();
  await writer.settled();
  proxy.fault = 'pass';
  await until(async () => (await written(influx)).size === 1, 'the point');
});

test('Redis and InfluxDB are away at once: what is under way, and what waits its turn, is written when InfluxDB is back', async (t) => {
  const redis = await startRedis(t, { aof: 'everysec' });
  const { influx, proxy, registry, start } = await bench(t);
  const writer = await start({ queue: queueAt(t, redis.url) });
  await redis.kill();
  proxy.fault = { status: 503 };
  for (let n = 0; n < 10; n++) await writer.submit(batchOf(point(n)));
  await until(() => writer.awaySinceMs !== undefined && proxy.requests >= 2, 'InfluxDB to be missed');
  assert.equal(writer.stats.pending, 10);
  proxy.fault = 'pass';
  await until(async () => (await written(influx)).size === 10, 'all points');
  await writer.settled();
  assert.equal(writer.stats.lost.size, 0);
  assert.equal(missing(await influxRow(registry)), 0n);
});

test('Redis at its memory limit: what it does not take waits here, and nothing is lost', async (t) => {
  const redis = await startRedis(t, { aof: 'always', maxMemory: '8mb' });
  const client = new Redis(redis.url);
  t.after(() => client.disconnect());
  const { influx, proxy, registry, start } = await bench(t);
  const writer = await start({ queue: queueAt(t, redis.url) });
  proxy.fault = { status: 503 };
  await writer.submit(batchOf(point(0)));
  await writer.settled();
  const filler = Buffer.alloc(2 ** 20);
  for (let i = 0; ; i++) {
    const answer = await client.set(`filler${i}`, filler).catch((error: unknown) => String(error));
    if (/OOM/.test(String(answer))) break;
  }
  for (let n = 1; n < 10; n++) await writer.submit(batchOf(point(n)));
  assert.equal(writer.stats.pending, 9);
  assert.equal(missing(await influxRow(registry)), 0n);
  // InfluxDB is back first: it gets what waits here; what waits in Redis cannot be taken out of it yet.
  proxy.fault = 'pass';
  await until(async () => (await written(influx)).size === 9, 'what waits here');
  await client.config('SET', 'maxmemory', '64mb');
  await until(async () => (await written(influx)).size === 10, 'all points');
  await until(async () => (await influxRow(registry)).waiting === 0n, 'the end');
  assert.equal(writer.stats.lost.size, 0);
  assert.equal(missing(await influxRow(registry)), 0n);
});

for (const [bound, more] of [
  ['bytes', { maxBytes: 24_000 }],
  ['batches', { maxBatches: 20 }],
] as const) {
  test(`a queue that is full of ${bound}: the oldest go to the dead letters, counted`, async (t) => {
    const redis = await startRedis(t, { aof: 'everysec' });
    const { influx, proxy, registry, start } = await bench(t);
    const queue = queueAt(t, redis.url, more);
    const writer = await start({ queue });
    proxy.fault = { status: 503 };
    for (let n = 0; n < 50; n++) {
      await writer.submit(batchOf(point(n)));
      await writer.settled();
    }
    const { waiting, buried, dead } = queue.stats();
    const gone = buried.get('queue_full')!;
    assert.ok(gone >= 25 && gone < 50, `${gone}`);
    assert.equal(waiting.points + gone, 50);
    assert.equal(dead.letters, gone);
    proxy.fault = 'pass';
    await until(() => queue.stats().waiting.points === 0, 'the queue to be empty');
    // The batch that was on its way, and its place in time, may be any.
    const there = await written(influx);
    assert.ok([...there].filter((n) => n < gone - 1).length <= 1, 'the newest are written');
    assert.equal(missing(await influxRow(registry)), 0n);
  });
}

test('aggregators share the queue: one writes what others left, also what one had in hand when it died', async (t) => {
  const redis = await startRedis(t, { aof: 'everysec' });
  const { influx, proxy, registry, start } = await bench(t);
  proxy.fault = { status: 503 };
  const first = await start({ queue: queueAt(t, redis.url, { lockMs: 1000 }) });
  for (let n = 0; n < 5; n++) await first.submit(batchOf(point(n)));
  await first.close();
  // Takes one and is never heard of again.
  const dying = queueAt(t, redis.url, { lockMs: 1000 });
  await dying.start();
  await until(async () => (await dying.take()) !== undefined, 'a batch');
  await dying.close();
  proxy.fault = 'pass';
  const queue = queueAt(t, redis.url, { lockMs: 1000 });
  const second = await start({ queue });
  await until(() => second.stats.written === 5, 'what the dead one had, too');
  assert.deepEqual(await written(influx), numbers(5));
  const row = await influxRow(registry);
  assert.equal(row.in, 5n);
  assert.equal(missing(row), 0n);
});

test('bad lines of a batch that waited go to the dead letters once, good ones are written', async (t) => {
  const redis = await startRedis(t, { aof: 'everysec' });
  const { influx, proxy, registry, start } = await bench(t);
  const queue = queueAt(t, redis.url);
  const writer = await start({ queue });
  proxy.fault = { status: 429 };
  await writer.submit(batchOf(point(0), 'm,n=1 value=', point(2)));
  await writer.settled();
  proxy.fault = 'pass';
  await until(() => queue.stats().waiting.points === 0 && writer.stats.written === 2, 'the good ones');
  assert.deepEqual(await written(influx), new Set([0, 2]));
  assert.equal(queue.stats().dead.letters, 1);
  assert.equal(queue.stats().buried.get('400'), 1);
  assert.equal(missing(await influxRow(registry)), 0n);
});
