import type { FastifyInstance, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { exposition, type ExpositionSources } from './exposition.js';
import type { Format } from './family-writer.js';
import { federation } from './federate/federation.js';
import { parseSelector, type Selector } from './federate/selector.js';
import { registerScrapeRoute, type ScrapeRequirements } from './scrape-route.js';

const TEXT = 'text/plain';
const OPEN_METRICS = 'application/openmetrics-text';
const CONTENT_TYPE: Record<Format, string> = {
  text: `${TEXT}; version=0.0.4; charset=utf-8`,
  openmetrics: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`,
};
/** As Prometheus' own. */
const LOOKBACK_MS = 300_000;

export interface MetricsRouteOptions extends ExpositionSources, ScrapeRequirements {
  /** Such as `/metrics`. */
  readonly path: string;
}

/** Serves the exposition: classic text or OpenMetrics by the Accept header, gzip when asked for. */
export function registerMetricsRoute(server: FastifyInstance, options: MetricsRouteOptions): void {
  registerScrapeRoute(server, options.path, options, ({ headers }) => {
    const format = formatFor(headers.accept);
    return { contentType: CONTENT_TYPE[format], chunks: () => exposition(options, format) };
  });
}

export interface FederateRouteOptions extends ExpositionSources, ScrapeRequirements {
  /** Samples that are older are left out (default 5 minutes). */
  readonly lookbackMs?: number;
}

/** Serves `/federate?match[]=…`: the newest samples of the series that are asked for, with their times. */
export function registerFederateRoute(server: FastifyInstance, options: FederateRouteOptions): void {
  const { lookbackMs = LOOKBACK_MS } = options;
  registerScrapeRoute(server, '/federate', options, (request) => {
    const selectors = selectorsOf(request);
    return {
      contentType: CONTENT_TYPE.text,
      chunks: () => federation({ ...options, selectors, lookbackMs, nowMs: Date.now() }),
    };
  });
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
