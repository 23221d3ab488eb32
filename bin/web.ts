import { fstatSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import type { Aggregator } from '../aggregator/aggregator.js';
import { registerPage } from '../aggregator/console/page.js';
import {
  registerFederateRoute,
  registerMetricsRoute,
  type MetricsRouteOptions,
} from '../aggregator/output/prometheus/routes.js';
import { registerScrapeRoute } from '../aggregator/output/prometheus/scrape-route.js';
import { METRIC_PREFIX } from '../aggregator/served.js';
import { inheritedDescriptor, parseListenAddress } from '../lib/listen-address.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import { createWebServer, listen } from '../lib/web-server.js';
import { LiveWebConfig } from '../lib/web-config/live-web-config.js';
import { UsageError } from './fail.js';
import { registerLifecycle } from './lifecycle.js';
import type { Reloader } from './reloader.js';
import { VERSION } from './version.js';

/** What `/readyz` says. */
export interface Readiness {
  readonly ready: boolean;
  /** Such as `kafka: reachable`, one for each thing that this depends on. */
  readonly lines: readonly string[];
}

export interface WebOptions {
  readonly values: SettingValues;
  readonly metrics: Omit<MetricsRouteOptions, 'path' | 'metricPrefix'>;
  /** Whose page `/` is; without it `/` is the list of what there is. */
  readonly page?: Aggregator;
  readonly readiness: () => Readiness;
  /** What `/maps` shows; left out: there is none. */
  readonly maps?: (() => AsyncIterable<Buffer>) | undefined;
  /** Where there are configs to reload. */
  readonly reloader?: Reloader;
  /** From {@link openWebConfig}. Closed with the server. */
  readonly web: LiveWebConfig | undefined;
}

export interface Web {
  readonly url: string;
  readonly metricsUrl: string;
  close(): Promise<void>;
}

/** The file of `--web.config.file`, if there is one. Before anything is loaded: throws a SettingsError with everything that is wrong in it. */
export async function openWebConfig(values: SettingValues, log: Logger): Promise<LiveWebConfig | undefined> {
  const file = values['web.config.file'];
  return file === undefined ? undefined : LiveWebConfig.open({ file, warn: (message) => log.warn(message) });
}

/** Serves metrics, page and health. Throws a UsageError when the address cannot be listened on. */
export async function serve({ values, metrics, page, maps, readiness, reloader, web }: WebOptions): Promise<Web> {
  const path = values['web.telemetry-path'];
  const server = createWebServer({ web });
  const series = { ...metrics, metricPrefix: METRIC_PREFIX };
  registerMetricsRoute(server, { ...series, path });
  registerFederateRoute(server, series);
  if (maps !== undefined)
    registerScrapeRoute(
      server,
      '/maps',
      () => Promise.resolve(),
      () => ({ contentType: 'text/plain; charset=utf-8', chunks: maps }),
    );
  if (page !== undefined) registerPage(server, { aggregator: page, metricsPath: path, version: VERSION });
  else
    server.get('/', (_request, reply) =>
      reply.type('text/plain').send(`Sonde ${VERSION}\n${path}\n/healthz\n/readyz\n`),
    );
  if (reloader !== undefined) registerLifecycle(server, values['web.enable-lifecycle'] ? reloader : undefined);
  server.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  server.get('/readyz', (_request, reply) => {
    const { ready, lines } = readiness();
    const text = [ready ? 'ready' : 'not ready', ...lines].join('\n');
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(`${text}\n`);
  });
  const url = await listenOn(server, values['web.listen-address']);
  return { url, metricsUrl: url + path, close: () => server.close() };
}

async function listenOn(server: FastifyInstance, address: string): Promise<string> {
  try {
    const parsed = parseListenAddress(address)!;
    return await listen(server, 'fd' in parsed ? { fd: inheritedSocket(parsed.fd, address) } : parsed);
  } catch (error) {
    throw explainListen(error, address);
  }
}

function inheritedSocket(number: number, address: string): number {
  const fd = inheritedDescriptor(number, process.env, process.pid);
  if (isSocket(fd)) return fd;
  throw new UsageError(
    `cannot listen on ${address}: descriptor ${fd} is no socket; start it by a systemd unit that has a socket unit beside it, or choose another with --web.listen-address`,
  );
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return false;
    throw error;
  }
}

function explainListen(error: unknown, address: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new UsageError(
      `${address} is in use: stop what listens there (ss -ltnp shows it), or choose another with --web.listen-address`,
    );
  }
  // Whatever else the system says about it: there is no such host, not ours, not permitted, no such interface.
  if (code !== undefined && /^E[A-Z_]+$/.test(code) && 'syscall' in (error as NodeJS.ErrnoException)) {
    return new UsageError(`cannot listen on ${address} (${code}): choose another with --web.listen-address`);
  }
  return error;
}
