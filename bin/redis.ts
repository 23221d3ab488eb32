import { RedisStateStore } from '../aggregator/state/redis-state-store.js';
import type { RedisLinkOptions } from '../aggregator/state/redis-link.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import { UsageError } from './fail.js';
import { readTlsFiles } from './tls-files.js';

/** What Redis answers to a login that will not get better by trying. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid password)|self.signed|unable to verify|certificate/i;

/**
 * The store that the settings ask for, connected, or trying to while Redis is away; undefined when they ask for none. Throws
 * a UsageError when login or certificate are refused.
 */
export async function openRedis(values: SettingValues, log: Logger): Promise<RedisStateStore | undefined> {
  const url = values['redis.url'];
  if (url === undefined) {
    log.warn(
      'without redis.url the state is lost with this process: totals then begin anew from the frames that Kafka still has',
    );
    return undefined;
  }
  const store = new RedisStateStore({
    ...(await redisOptions(values, url)),
    prefix: values['redis.prefix'],
    topic: values['kafka.topic'],
  });
  await store.start();
  const { problem } = store.link;
  if (problem === undefined) return store;
  if (REFUSED.test(problem)) {
    await store.close();
    throw new UsageError(
      `redis.url: Redis refuses us, or we it (${problem}): check redis.user, redis.password and redis.tls.…`,
    );
  }
  log.warn(`Redis is away (${problem}): trying on; partitions are taken when it is back`);
  return store;
}

/** How Redis is reached. Throws a UsageError for files that cannot be read. */
export async function redisOptions(values: SettingValues, url: string): Promise<RedisLinkOptions> {
  const tls = await readTlsFiles(values, 'redis.tls');
  return {
    url,
    user: values['redis.user'],
    password: values['redis.password'],
    tls: Object.keys(tls).length > 0 ? tls : undefined,
  };
}
