import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import type { Fault } from '../../../harness/fault-proxy.js';
import { batchOf, bench, count, influxRow, point, TIME } from '../../../harness/influx-bench.js';
import { until } from '../../../harness/until.js';

const FAULTS: readonly (readonly [name: string, fault: Fault])[] = [
  ['500', { status: 500 }],
  ['503', { status: 503, headers: { 'retry-after': '0' } }],
  ['429', { status: 429 }],
  ['401', { status: 401, body: '{"message":"unauthorized access"}' }],
  ['no answer', 'hang'],
  ['a connection that is reset', 'reset'],
  ['an answer that never comes', 'reset-after'],
];

for (const [name, fault] of FAULTS) {
  test(`${name}: points wait on disk, and are written when it is over, each once`, async (t) => {
    const { influx, proxy, start } = await bench(t);
    const writer = await start();
    proxy.fault = fault;
    for (let n = 0; n < 20; n++) await writer.submit(batchOf(point(2 * n), point(2 * n + 1)));
    await writer.settled();
    assert.equal(writer.stats.pending, 0);
    assert.equal(writer.stats.written, 0);
    assert.notEqual(writer.awaySinceMs, undefined);
    proxy.fault = 'pass';
    await until(() => writer.stats.written === 40, 'the points to be written');
    assert.equal(await count(influx), 40);
    assert.equal(writer.stats.in, 40);
  });
}

test('Retry-After is in seconds', async (t) => {
  const { proxy, start } = await bench(t);
  const writer = await start();
  proxy.fault = { status: 429, headers: { 'retry-after': '2' } };
  await writer.submit(batchOf(point(1)));
  await writer.settled();
  proxy.fault = 'pass';
  const beganMs = performance.now();
  await until(() => writer.stats.written === 1, 'the point to be written');
  assert.ok(performance.now() - beganMs > 1500);
});

test('what waits survives the process', async (t) => {
  const { influx, proxy, start } = await bench(t);
  proxy.fault = { status: 503 };
  const first = await start();
  await first.submit(batchOf(point(1), point(2)));
  await first.close();
  proxy.fault = 'pass';
  const second = await start();
  await until(() => second.stats.written === 2, 'the points to be written');
  assert.equal(await count(influx), 2);
  assert.equal(second.stats.in, 2);
});

for (const version of [1, 2] as const) {
  test(`version ${version}: good lines are written, bad ones go to the dead letters with the server's reason`, async (t) => {
    const { influx, letters, start } = await bench(t, version);
    const writer = await start();
    await writer.submit(batchOf(`typed value=1i ${TIME}`));
    await writer.settled();
    const good = Array.from({ length: 100 }, (_, n) => point(n));
    const bad = [
      `typed,n=1 value=1.5 ${TIME}`,
      `typed,n=2 value=2.5 ${TIME}`,
      'broken value= 3',
      `late,x=y value=5i 99999999999999999999`,
    ];
    await writer.submit(batchOf(...good.slice(0, 50), ...bad.slice(0, 2), ...good.slice(50), ...bad.slice(2)));
    await writer.settled();
    assert.equal(await count(influx), 100);
    const kept = await letters();
    assert.deepEqual(kept.flatMap(({ lines }) => lines.split('\n').slice(0, -1)).sort(), [...bad].sort());
    const reasonOf = (line: string): string => kept.find(({ lines }) => lines.includes(line))!.reason;
    assert.match(reasonOf(bad[0]!), /^4\d\d .*field type conflict/);
    assert.match(reasonOf(bad[2]!), /^400 .*missing field value/);
    assert.match(reasonOf(bad[3]!), /^400 .*time outside range|bad timestamp|value out of range/);
    assert.equal(writer.stats.written, 101);
    assert.equal(writer.stats.in, 105);
    assert.equal(writer.awaySinceMs, undefined);
  });
}

test('a batch that is too large is halved until it fits', async (t) => {
  const { influx, proxy, start } = await bench(t);
  const writer = await start();
  let refusals = 0;
  proxy.fault = () => (refusals++ < 3 ? { status: 413 } : 'pass');
  await writer.submit(batchOf(...Array.from({ length: 64 }, (_, n) => point(n))));
  await writer.settled();
  assert.equal(await count(influx), 64);
});

test('a token that is revoked: points wait until its file has another', async (t) => {
  const { influx, start } = await bench(t, 2);
  const api = async (path: string, method = 'GET', body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${influx.url}/api/v2/${path}`, {
      method,
      headers: { authorization: `Token ${influx.token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return answer.status === 204 ? undefined : answer.json();
  };
  const { orgs } = (await api('orgs')) as { orgs: readonly { id: string }[] };
  const permissions = [{ action: 'write', resource: { type: 'buckets' } }];
  const granted = (await api('authorizations', 'POST', { orgID: orgs[0]!.id, permissions })) as Record<
    'id' | 'token',
    string
  >;
  let token = granted.token;
  const writer = await start({ token: () => Promise.resolve(token) });
  await writer.submit(batchOf(point(1)));
  await writer.settled();
  assert.equal(writer.stats.written, 1);
  await api(`authorizations/${granted.id}`, 'DELETE');
  await writer.submit(batchOf(point(2)));
  await writer.settled();
  assert.equal(writer.stats.written, 1);
  token = influx.token;
  await until(() => writer.stats.written === 2, 'the second point to be written');
  assert.equal(await count(influx), 2);
});

test('a full queue: the oldest go to the dead letters, counted; nothing is lost', async (t) => {
  const { letters, proxy, start } = await bench(t);
  proxy.fault = { status: 503 };
  const writer = await start({ maxBytes: 64 * 1024 });
  for (let n = 0; n < 200; n++) {
    await writer.submit(batchOf(...Array.from({ length: 20 }, (_, i) => point(n * 20 + i, 'a_metric_of_some_length'))));
  }
  await writer.settled();
  const kept = await letters();
  assert.ok(kept.length > 0 && kept.every(({ reason }) => reason === 'queue_full'));
  proxy.fault = 'pass';
  const buried = kept.reduce((sum, { points }) => sum + points, 0);
  await until(() => writer.stats.written === 4000 - buried, 'the rest to be written');
  assert.equal(writer.stats.lost.size, 0);
});

test('a full queue whose dead letters cannot be kept takes no more, and what waits is written all the same', async (t) => {
  const { influx, folder, proxy, registry, start } = await bench(t);
  proxy.fault = { status: 503 };
  const writer = await start({ maxBytes: 4096 });
  await rm(join(folder, 'dead'), { recursive: true });
  for (let n = 0; n < 100; n++) await writer.submit(batchOf(point(n)));
  await until(() => writer.stats.pending > 0 && writer.stats.pending < 100, 'the queue to be full');
  proxy.fault = 'pass';
  await until(async () => (await count(influx)) === 100, 'all points');
  await until(async () => (await influxRow(registry)).waiting === 0n, 'the end');
  assert.equal((await influxRow(registry)).in, 100n);
  assert.equal(writer.stats.lost.size, 0);
});
