import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { freePort } from '../harness/free-port.js';
import type { Certificates } from './certificates.js';
import { testFolder } from './folders.js';
import { Server } from './server.js';

export interface RedisOptions {
  /** When the append-only file reaches the disk. Without it a Redis that dies has lost everything. */
  readonly aof?: 'always' | 'everysec';
  /** Such as `20mb`. What exceeds it is refused. */
  readonly maxMemory?: string;
  /** Clients must come over TLS. */
  readonly tls?: Certificates;
  /** Clients must show a certificate of the same authority. */
  readonly clientCertificate?: boolean;
  /** The only user there is, with every right. */
  readonly user?: string;
  readonly password?: string;
}

export interface RedisServer {
  /** `redis://127.0.0.1:PORT` or `rediss://…`, without user and password. */
  readonly url: string;
  readonly pid: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again after `kill` or `stop`, on the same port and data. Resolves when it answers. */
  restart(): Promise<void>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

/** Starts a Redis for a test, and kills it after it. */
export async function startRedis(t: TestContext, options: RedisOptions = {}): Promise<RedisServer> {
  const folder = testFolder(t, 'redis', () => server.kill());
  const { server, url } = await redisServer(folder, options);
  await server.start();
  return {
    url,
    get pid() {
      return server.pid!;
    },
    kill: () => server.kill(),
    restart: () => server.start(),
    stop: () => server.stop(),
  };
}

/** A Redis that has yet to be started. */
export async function redisServer(
  folder: string,
  options: RedisOptions,
  background = false,
): Promise<{ server: Server; url: string }> {
  const port = await freePort();
  const url = `${options.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`;
  const config = join(folder, 'redis.conf');
  writeFileSync(config, [...settings(folder, port, options), ''].join('\n'));
  const server = new Server({
    name: 'redis',
    folder,
    command: 'redis-server',
    args: [config],
    ready: () => ping(url, options),
    background,
  });
  return { server, url };
}

function settings(folder: string, port: number, options: RedisOptions): string[] {
  const { aof, clientCertificate, maxMemory, password, tls, user } = options;
  return [
    'bind 127.0.0.1',
    `dir ${folder}`,
    'save ""',
    'maxmemory-policy noeviction',
    ...(aof === undefined ? ['appendonly no'] : ['appendonly yes', `appendfsync ${aof}`]),
    ...(maxMemory === undefined ? [] : [`maxmemory ${maxMemory}`]),
    ...(user === undefined ? [] : ['user default off', `user ${user} on >${password} ~* &* +@all`]),
    ...(tls === undefined
      ? [`port ${port}`]
      : [
          'port 0',
          `tls-port ${port}`,
          `tls-cert-file ${tls.serverCertFile}`,
          `tls-key-file ${tls.serverKeyFile}`,
          `tls-ca-cert-file ${tls.caFile}`,
          `tls-auth-clients ${clientCertificate ? 'yes' : 'no'}`,
        ]),
  ];
}

async function ping(url: string, { tls, user, password }: RedisOptions): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: clientTls(tls) }),
  });
  redis.on('error', () => undefined); // the rejection below says the same
  try {
    await redis.connect();
    await redis.ping();
    await redis.quit();
  } finally {
    // What has ended by itself must not be disconnected: that would only start a timer of two seconds.
    if (redis.status !== 'end') redis.disconnect();
  }
}

function clientTls(tls: Certificates): { ca: Buffer; cert: Buffer; key: Buffer } {
  return {
    ca: readFileSync(tls.caFile),
    cert: readFileSync(tls.clientCertFile),
    key: readFileSync(tls.clientKeyFile),
  };
}
