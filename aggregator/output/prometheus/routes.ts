import type { FastifyInstance, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { Refresh } from '../../../wire/refresh.js';
import type { Aggregator } from '../../aggregator.js';
import type { Family } from '../../series/family.js';
import { exposition } from './exposition.js';
import type { Format } from './family-writer.js';
import { federation } from './federate/federation.js';
import { parseSelector, type Selector } from './federate/selector.js';
import { registerScrapeRoute } from './scrape-route.js';
import { protobufExposition } from './protobuf/exposition.js';
import type { ShownSources } from './shown.js';

const TEXT = 'text/plain';
const OPEN_METRICS = 'application/openmetrics-text';
const PROTOBUF = 'application/vnd.google.protobuf';
const CONTENT_TYPE: Record<Format | 'protobuf', string> = {
  text: `${TEXT}; version=0.0.4; charset=utf-8`,
  openmetrics: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`,
  protobuf: `${PROTOBUF}; proto=io.prometheus.client.MetricFamily; encoding=delimited`,
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

/**
 * Serves the exposition: classic text, OpenMetrics or protobuf by the Accept header, gzip when asked for. Protobuf only when there is
 * a native histogram, which nothing else has: of it Prometheus 2 makes other label values for the bounds of classic ones (`8.0` for `8`),
 * so that who turns native histograms on for somebody else would have all histograms here under new names.
 */
export function registerMetricsRoute(server: FastifyInstance, options: MetricsRouteOptions): void {
  registerScrapeRoute(server, options.path, ready(options), ({ headers }) => {
    const format = formatFor(headers.accept, hasNativeHistogram(options));
    return {
      contentType: CONTENT_TYPE[format],
      chunks: () => (format === 'protobuf' ? protobufExposition(options) : exposition(options, format)),
    };
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
 * OpenMetrics or protobuf where the client prefers it; text where it does not say. Media type parameters (`version`, `escaping`) are left out of the comparison: each
 * release of Prometheus names others, and there is one version of each format here. Only those of protobuf say which message.
 */
function formatFor(accept: string | undefined, takesProtobuf: boolean): Format | 'protobuf' {
  const plain = withoutOtherMessages(accept)?.replaceAll(/;\s*(?!q\s*=)[\w-]+\s*=\s*("[^"]*"|[^;,]*)/g, '');
  const negotiator = new Negotiator({ headers: { accept: plain } });
  const type = negotiator.mediaType([TEXT, OPEN_METRICS, ...(takesProtobuf ? [PROTOBUF] : [])]);
  if (type === PROTOBUF) return 'protobuf';
  return type === OPEN_METRICS ? 'openmetrics' : 'text';
}

function hasNativeHistogram({ aggregator }: RouteSources): boolean {
  const isNative = ({ definition }: Family): boolean => definition.buckets?.native !== undefined;
  return aggregator.shownHosts().some(({ store }) => [...store.families()].some(isNative));
}

/** Without the protobuf messages, and ways of writing them, that are not served. */
function withoutOtherMessages(accept: string | undefined): string | undefined {
  return accept
    ?.split(',')
    .filter(
      (type) =>
        !type.includes(PROTOBUF) ||
        /proto\s*=\s*"?io\.prometheus\.client\.MetricFamily"?\s*;.*encoding\s*=\s*"?delimited/.test(type),
    )
    .join();
}
