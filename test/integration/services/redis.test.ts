import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { Redis, type RedisOptions } from 'ioredis';
import { makeCertificates } from '../../services/certificates.js';
import { testFolder } from '../../services/folders.js';
import { startRedis } from '../../services/redis.js';

/** A client that gives up at once, and goes with the test. */
function client(t: TestContext, url: string, more: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const redis = new Redis(url, { retryStrategy: null, maxRetriesPerRequest: 0, ...more });
  redis.on('error', () => undefined); // the commands reject, too
  t.after(() => redis.disconnect());
  return redis;
}

test('kill -9 loses nothing that was acknowledged', async (t) => {
  const server = await startRedis(t, { aof: 'always' });
  await client(t, server.url).set('key', 'value');
  await server.kill();
  await assert.rejects(client(t, server.url).get('key'));
  await server.restart();
  assert.equal(await client(t, server.url).get('key'), 'value');
  await server.stop();
  await server.restart();
  assert.equal(await client(t, server.url).get('key'), 'value');
});

test('without an append-only file it has lost everything', async (t) => {
  const server = await startRedis(t);
  await client(t, server.url).set('key', 'value');
  await server.kill();
  await server.restart();
  assert.equal(await client(t, server.url).get('key'), null);
});

test('a bound of memory refuses what exceeds it', async (t) => {
  const server = await startRedis(t, { maxMemory: '4mb' });
  await assert.rejects(
    client(t, server.url)
      .mset('a', Buffer.alloc(8e6), 'b', 'x')
      .then(() => client(t, server.url).set('c', 'y')),
    /OOM/,
  );
});

test('TLS with a client certificate, and one user', async (t) => {
  const certificates = await makeCertificates(testFolder(t, 'certificates'));
  const login = { user: 'sonde', password: 'not-so-secret' };
  const server = await startRedis(t, { tls: certificates, clientCertificate: true, ...login });
  assert.match(server.url, /^rediss:/);
  const tls = {
    ca: readFileSync(certificates.caFile),
    cert: readFileSync(certificates.clientCertFile),
    key: readFileSync(certificates.clientKeyFile),
  };
  const user = { username: login.user, password: login.password };
  assert.equal(await client(t, server.url, { tls, ...user }).set('key', 'value'), 'OK');

  await assert.rejects(client(t, server.url, { tls: { ca: tls.ca }, ...user }).get('key'));
  await assert.rejects(client(t, server.url, { tls }).get('key'), /NOAUTH/);
  await assert.rejects(client(t, server.url, { tls, ...user, password: 'wrong' }).get('key'));
});
