import type { TestContext } from 'node:test';
import { RedisStateStore, type RedisStateOptions } from '../../aggregator/state/redis-state-store.js';
import { startRedis, type RedisOptions, type RedisServer } from '../services/redis.js';

const SILENCE_MS = 1500;

/** A Redis as the state of aggregators needs it. */
export function startStateRedis(t: TestContext, options: RedisOptions = {}): Promise<RedisServer> {
  return startRedis(t, { aof: 'always', ...options });
}

/** A started store, closed after the test. */
export async function openRedisStore(
  t: TestContext,
  url: string,
  more: Partial<RedisStateOptions> = {},
): Promise<RedisStateStore> {
  const store = new RedisStateStore({ url, prefix: 'sonde', topic: 'sonde.frames', timeoutMs: SILENCE_MS, ...more });
  t.after(() => store.close());
  await store.start();
  return store;
}
