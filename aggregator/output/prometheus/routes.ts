import type { FastifyInstance, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { Refresh } from '../../../wire/refresh.js';
import type { Aggregator } from '../../aggregator.js';
import { exposition } from './exposition.js';
import type { Format } from './family-writer.js';
import { federation } from './federate/federation.js';
import { parseSelector, type Selector } from './federate/selector.js';
import { registerScrapeRoute } from './scrape-route.js';
import type { ShownSources } from './shown.js';

const TEXT = 'text/plain';
const OPEN_METRICS = 'application/openmetrics-text';
const CONTENT_TYPE: Record<Format, string> = {
  text: `${TEXT}; version=0.0.4; charset=utf-8`,
  openmetrics: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`,
};
/** As Prometheus' own. */
const LOOKBACK_MS = 300_000;

/** What both routes show. */
export interface RouteSources extends ShownSources {
  readonly aggregator: ShownSources['aggregator'] & Pick<Aggregator, 'settled'>;
  /** Asked for fresh values, where the collector is in this process. */
  readonly refresh?: Refresh;
}

export interface MetricsRouteOptions extends RouteSources {
  /** Such as `/metrics`. */
  readonly path: string;
}

/** Serves the exposition: classic text or OpenMetrics by the Accept header, gzip when asked for. */
export function registerMetricsRoute(server: FastifyInstance, options: MetricsRouteOptions): void {
  registerScrapeRoute(server, options.path, ready(options), ({ headers }) => {
    const format = formatFor(headers.accept);
    return { contentType: CONTENT_TYPE[format], chunks: () => exposition(options, format) };
  });
}

export interface FederateRouteOptions extends RouteSources {
  /** Samples that are older are left out (default 5 minutes). */
  readonly lookbackMs?: number;
}

/** Serves `/federate?match[]=…`: the newest samples of the series that are asked for, with their times. */
export function registerFederateRoute(server: FastifyInstance, options: FederateRouteOptions): void {
  const { lookbackMs = LOOKBACK_MS } = options;
  registerScrapeRoute(server, '/federate', ready(options), (request) => {
    const selectors = selectorsOf(request);
    return {
      contentType: CONTENT_TYPE.text,
      chunks: () => federation({ ...options, selectors, lookbackMs, nowMs: Date.now() }),
    };
  });
}

/** Waits until all partitions are where they belong, so that a rebalance is no gap, and then for fresh values. */
function ready({ aggregator, refresh }: RouteSources): (timeoutMs: number) => Promise<void> {
  return async (timeoutMs) => {
    await aggregator.settled(timeoutMs);
    await refresh?.refresh();
  };
}

function selectorsOf({ query }: FastifyRequest): Selector[] {
  const matches = (query as Record<string, string | string[] | undefined>)['match[]'] ?? [];
  return [matches].flat().map(parseSelector);
}

/**
 * OpenMetrics where the client prefers it. Media type parameters (`version`, `escaping`) are left out of the comparison: each
 * release of Prometheus names others, and there is one version of each format here.
 */
function formatFor(accept: string | undefined): Format {
  const plain = accept?.replaceAll(/;\s*(?!q\s*=)[\w-]+\s*=\s*("[^"]*"|[^;,]*)/g, '');
  const negotiator = new Negotiator({ headers: { accept: plain } });
  return negotiator.mediaType([TEXT, OPEN_METRICS]) === OPEN_METRICS ? 'openmetrics' : 'text';
}
