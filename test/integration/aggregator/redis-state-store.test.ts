import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { FORMAT_FIELD, partitionKeys } from '../../../aggregator/state/keys.js';
import type { RedisStateStore } from '../../../aggregator/state/redis-state-store.js';
import type { PartitionChange } from '../../../aggregator/state/state-store.js';
import { SondeError, type ErrorCode } from '../../../wire/errors.js';
import { openRedisStore, startStateRedis } from '../../harness/redis-store.js';
import { makeCertificates } from '../../services/certificates.js';
import { testFolder } from '../../services/folders.js';

const WAIT_TIMEOUT_MS = 30_000;

function change(offset: bigint, put: Readonly<Record<string, string>>, remove: string[] = []): PartitionChange {
  return { offset, put: new Map(Object.entries(put).map(([name, text]) => [name, Buffer.from(text)])), remove };
}

async function stored(store: RedisStateStore): Promise<[bigint | undefined, Record<string, string>]> {
  const { stored } = await store.take(0);
  const sections = [...(stored?.sections ?? [])].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
  return [stored?.offset, Object.fromEntries(sections) as Record<string, string>];
}

/** Asserts that it rejects with this code, and gives the message. */
async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await promise.then(
    () => assert.fail(`it resolved, and ${code} was expected`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof SondeError, String(error));
  assert.equal(error.code, code, error.message);
  return error.message;
}

async function connected(store: RedisStateStore): Promise<void> {
  const deadline = Date.now() + WAIT_TIMEOUT_MS;
  while (!store.link.connected) {
    assert.ok(Date.now() < deadline, `not connected: ${store.link.problem}`);
    await sleep(20);
  }
}

/** A client of the test's own, which looks at what lies in Redis. */
function inspector(t: TestContext, url: string): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined); // when the server goes first
  t.after(() => redis.disconnect());
  return redis;
}

test('Redis is killed among writes: what it has acknowledged is there afterwards, and no change by half', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch } = await store.take(0);
  let acknowledged = 0n;
  let sent = 0n;
  const writing = (async () => {
    for (;;) {
      sent++;
      const both = { a: `${sent}`, b: `${sent}`, [`only ${sent}`]: 'x' };
      assert.ok(await store.store(0, epoch, change(sent, both, [`only ${sent - 1n}`])));
      acknowledged = sent;
    }
  })();
  while (acknowledged < 50n) await sleep(1);
  const failure = rejection(writing, 'NETWORK');
  await server.kill();
  assert.match(await failure, /cannot store the state of partition 0: Redis at 127\.0\.0\.1:\d+ is away/);
  assert.equal(store.link.connected, false);
  await rejection(store.take(0), 'NETWORK');
  await rejection(store.isOwner(0, epoch), 'NETWORK');

  await server.restart();
  await connected(store);
  assert.equal(store.link.lost, 1);
  assert.ok(await store.isOwner(0, epoch));
  const [offset, sections] = await stored(store);
  assert.ok(offset === acknowledged || offset === sent, `${offset}, not ${acknowledged} or ${sent}`);
  assert.deepEqual(sections, { a: `${offset}`, b: `${offset}`, [`only ${offset}`]: 'x' });
});

test('a change that may or may not have been written can be written again', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch } = await store.take(0);
  assert.ok(await store.store(0, epoch, change(1n, { a: '1', old: '1' })));
  process.kill(server.pid, 'SIGSTOP');
  const unknown = change(2n, { a: '2' }, ['old']);
  const message = await rejection(store.store(0, epoch, unknown), 'TIMEOUT');
  assert.match(message, /says nothing/);
  assert.equal(store.link.timeouts, 1);
  await rejection(store.store(0, epoch, unknown), 'NETWORK');
  // What it was sent before it stopped it does now, before or after the new connection's.
  process.kill(server.pid, 'SIGCONT');
  await connected(store);
  assert.ok(await store.store(0, epoch, unknown));
  assert.ok(await store.store(0, epoch, change(3n, { b: '3' })));
  assert.equal(await store.store(0, epoch, unknown), false);
  assert.deepEqual(await stored(store), [3n, { a: '2', b: '3' }]);
});

test('a store that starts before its Redis works once that is there', async (t) => {
  const server = await startStateRedis(t);
  await server.kill();
  const store = await openRedisStore(t, server.url);
  assert.match(store.link.problem!, /ECONNREFUSED/);
  assert.match(await rejection(store.take(0), 'NETWORK'), /ECONNREFUSED/);
  await server.restart();
  await connected(store);
  assert.equal(store.link.problem, undefined);
  assert.deepEqual(await stored(store), [undefined, {}]);
});

test('out of memory: changes are refused whole, and the partition can still be taken', async (t) => {
  const server = await startStateRedis(t, { maxMemory: '8mb' });
  const store = await openRedisStore(t, server.url);
  await store.checkPartitions(4);
  const { epoch } = await store.take(0);
  assert.ok(await store.store(0, epoch, change(1n, { a: '1', b: '1' })));
  const redis = inspector(t, server.url);
  await assert.rejects(async () => {
    for (;;) await redis.append('other', 'x'.repeat(100_000));
  }, /OOM/);

  const message = await rejection(store.store(0, epoch, change(2n, { a: '2', c: '2' }, ['b'])), 'STORE_REFUSED');
  assert.match(message, /OOM.*larger maxmemory/);
  await rejection(store.store(0, epoch, change(2n, {}, ['b'])), 'STORE_REFUSED');
  assert.ok(await store.isOwner(0, epoch));
  await store.checkPartitions(4);
  await rejection(store.checkPartitions(5), 'STATE_PARTITIONS');
  const next = await store.take(0);
  assert.ok(next.epoch > epoch);
  assert.equal(next.stored!.offset, 1n);
  assert.deepEqual([...next.stored!.sections.keys()].sort(), ['a', 'b']);
  assert.ok((await store.take(1)).epoch > 0n);

  await redis.del('other');
  const { epoch: last } = await store.take(0);
  assert.ok(await store.store(0, last, change(2n, { a: '2', c: '2' }, ['b'])));
  assert.deepEqual(await stored(store), [2n, { a: '2', c: '2' }]);
});

test('state of a newer Sonde is refused, and stays its owner’s', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch } = await store.take(0);
  assert.ok(await store.store(0, epoch, change(1n, { a: '1' })));
  const { state } = partitionKeys({ prefix: 'sonde', topic: 'sonde.frames' }, 0);
  await inspector(t, server.url).hset(state, FORMAT_FIELD, 2);
  assert.match(await rejection(store.take(0), 'STATE_FORMAT'), /format 2, and this Sonde reads 1/);
  assert.ok(await store.isOwner(0, epoch));
});

test('another prefix or topic is another state; a partition lies on one node of a cluster', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch } = await store.take(0);
  assert.ok(await store.store(0, epoch, change(1n, { a: '1' })));
  await store.checkPartitions(8);
  for (const other of [{ prefix: 'other' }, { topic: 'other' }]) {
    const stranger = await openRedisStore(t, server.url, other);
    assert.equal((await stranger.take(0)).stored, undefined);
    await stranger.checkPartitions(12);
  }
  assert.ok(await store.isOwner(0, epoch));
  const keys = await inspector(t, server.url).keys('{sonde:sonde.frames:0}*');
  assert.deepEqual(
    keys.sort(),
    ['owner', 'state'].map((key) => `{sonde:sonde.frames:0}:${key}`),
  );
});

test('an epoch that Redis has lost in a crash is not given to anybody else', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch: before } = await store.take(0);
  const { epoch: lost } = await store.take(0);
  const { owner } = partitionKeys({ prefix: 'sonde', topic: 'sonde.frames' }, 0);
  await inspector(t, server.url).set(owner, `${before}`);
  const { epoch } = await store.take(0);
  assert.notEqual(epoch, lost);
  assert.equal(await store.store(0, lost, change(1n, { a: 'lost' })), false);
  assert.ok(await store.store(0, epoch, change(1n, { a: 'kept' })));
});

test('a Redis that has forgotten the scripts is given them again', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch } = await store.take(0);
  for (let offset = 1n; offset <= 3n; offset++) {
    await inspector(t, server.url).script('FLUSH');
    assert.ok(await store.store(0, epoch, change(offset, { a: `${offset}` })));
  }
  assert.deepEqual(await stored(store), [3n, { a: '3' }]);
});

test('TLS, a client certificate, a user; who is refused is told why', async (t) => {
  const certificates = await makeCertificates(testFolder(t, 'certificates'));
  const login = { user: 'sonde', password: 'not-so-secret' };
  const server = await startStateRedis(t, { tls: certificates, clientCertificate: true, ...login });
  const tls = {
    ca: readFileSync(certificates.caFile, 'utf8'),
    cert: readFileSync(certificates.clientCertFile, 'utf8'),
    key: readFileSync(certificates.clientKeyFile, 'utf8'),
  };
  const store = await openRedisStore(t, server.url, { tls, ...login });
  assert.equal(store.link.problem, undefined);
  await store.take(0);

  const wrong = await openRedisStore(t, server.url, { tls, ...login, password: 'guessed' });
  assert.match(wrong.link.problem!, /WRONGPASS/);
  const message = await rejection(wrong.take(0), 'NETWORK');
  assert.match(message, /WRONGPASS/);
  assert.doesNotMatch(message, /guessed|secret/);
  const unknown = await openRedisStore(t, server.url, { tls: { cert: tls.cert, key: tls.key }, ...login });
  assert.match(unknown.link.problem!, /certificate/);
  const nameless = await openRedisStore(t, server.url, { tls: { ca: tls.ca }, ...login });
  await rejection(nameless.take(0), 'NETWORK');
});

test('closed: what was under way is done, what comes later is refused, and closing again does nothing', async (t) => {
  const server = await startStateRedis(t);
  const store = await openRedisStore(t, server.url);
  const { epoch } = await store.take(0);
  const last = store.store(0, epoch, change(1n, { a: '1' }));
  await Promise.all([store.close(), store.close()]);
  assert.ok(await last);
  await rejection(store.take(0), 'CLOSED');
  await store.close();
  assert.deepEqual(await stored(await openRedisStore(t, server.url)), [1n, { a: '1' }]);
});
