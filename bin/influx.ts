import type { Registry } from 'prom-client';
import { DiskQueue } from '../aggregator/output/influx/disk-queue.js';
import { InfluxLink } from '../aggregator/output/influx/influx-link.js';
import { InfluxOutput } from '../aggregator/output/influx/influx-output.js';
import { InfluxWriter } from '../aggregator/output/influx/influx-writer.js';
import type { DurableQueue } from '../aggregator/output/influx/durable-queue.js';
import type { Logger } from '../lib/log.js';
import { isPem, MAX_PEM_BYTES } from '../lib/pem.js';
import { readTextFile } from '../lib/read-text-file.js';
import type { SettingValues } from '../lib/settings.js';
import { UsageError } from './fail.js';
import { redisOptions } from './redis.js';
import { influxMetrics } from './influx-metrics.js';

const MAX_TOKEN_BYTES = 4096;

/**
 * The output that the settings ask for, started. Throws a UsageError for files that cannot be
 * read, a SondeError `FILE` for a folder that cannot be used. Whether InfluxDB is there does not matter.
 */
export async function openInflux(
  values: SettingValues,
  url: string,
  log: Logger,
  registry: Registry,
): Promise<InfluxOutput> {
  const link = await openInfluxLink(values, url, log);
  const queue = await openQueue(values, log);
  const writer = new InfluxWriter({ link, queue, log });
  const output = new InfluxOutput({
    writer,
    // In a database of many hosts there must be a name, whatever Prometheus calls it.
    hostTag: values['prometheus.instance-label'] || 'instance',
    fields: values['influx.fields'],
    heartbeatMs: values['influx.heartbeat'],
  });
  await output.start();
  influxMetrics(registry, writer, queue);
  return output;
}

/** In Redis where state is kept there, else on disk. */
async function openQueue(values: SettingValues, log: Logger): Promise<DurableQueue> {
  const folder = values['influx.queue.dir'];
  const maxDeadBytes = values['influx.dead-letters.max-bytes'];
  const url = values['redis.url'];
  if (url === undefined)
    return new DiskQueue({ folder, maxBytes: values['influx.queue.max-bytes'], maxDeadBytes, log });
  const { RedisQueue } = await import('../aggregator/output/influx/redis-queue.js');
  return new RedisQueue({
    redis: await redisOptions(values, url),
    prefix: values['redis.prefix'],
    maxBytes: values['influx.queue.redis.max-bytes'],
    letterFolder: folder,
    maxDeadBytes,
    log,
  });
}

/** What sends to the server that the settings name. Throws a UsageError for files that cannot be read. */
export async function openInfluxLink(values: SettingValues, url: string, log: Logger): Promise<InfluxLink> {
  return new InfluxLink({
    url,
    org: values['influx.org'] ?? '',
    bucket: values['influx.bucket'] ?? '',
    path: pathOf(values['influx.path']),
    token: await tokenOf(values['influx.token-file'], log),
    ca: await readCa(values['influx.tls.ca-file']),
  });
}

/** Times are in nanoseconds, which a server of before 1.8 has to be told in its own words. */
function pathOf(path: string | undefined): string | undefined {
  if (path === undefined || /[?&]precision=/.test(path)) return path;
  return `${path}${path.includes('?') ? '&' : '?'}precision=ns`;
}

/** Reads the token now, so that a file that is not there is said at once; and each time again that it is asked for. */
async function tokenOf(file: string | undefined, log: Logger): Promise<() => Promise<string>> {
  if (file === undefined) return () => Promise.resolve('');
  let last = await readToken(file);
  if (typeof last !== 'string') throw new UsageError(`influx.token-file: ${file} ${last.message}; ${last.hint}`);
  return async () => {
    const token = await readToken(file);
    if (typeof token === 'string') last = token;
    else log.warn({ file }, `influx.token-file ${token.message}: going on with the token of before`);
    return last as string;
  };
}

async function readToken(file: string): Promise<string | { readonly message: string; readonly hint: string }> {
  const text = await readTextFile(file, MAX_TOKEN_BYTES);
  if (typeof text !== 'string') return text;
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  return { message: 'holds no token', hint: 'write nothing else into it, on one line' };
}

async function readCa(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = await readTextFile(file, MAX_PEM_BYTES);
  if (typeof text !== 'string') throw new UsageError(`influx.tls.ca-file: ${file} ${text.message}; ${text.hint}`);
  if (!isPem(text, 'certificate'))
    throw new UsageError(`influx.tls.ca-file: ${file} holds no certificate in PEM: give a file with -----BEGIN …-----`);
  return text;
}
