import { pipeline, Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import type { Refresh } from '../../../wire/refresh.js';
import { exposition, type ExpositionSources } from './exposition.js';
import type { Format } from './family-writer.js';

const TEXT = 'text/plain';
const OPEN_METRICS = 'application/openmetrics-text';
const CONTENT_TYPE: Record<Format, string> = {
  text: `${TEXT}; version=0.0.4; charset=utf-8`,
  openmetrics: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`,
};
/** Scrapes that are written at the same time; more are told to come back. */
const MAX_SCRAPES = 64;

export interface MetricsRouteOptions extends ExpositionSources {
  /** Such as `/metrics`. */
  readonly path: string;
  /** Asked for fresh values before each scrape, where the collector is in this process. */
  readonly refresh?: Refresh;
}

/** Serves the exposition: classic text or OpenMetrics by the Accept header, gzip when asked for. */
export function registerMetricsRoute(server: FastifyInstance, options: MetricsRouteOptions): void {
  let scrapes = 0;
  server.get(options.path, async (request, reply) => {
    if (scrapes >= MAX_SCRAPES) {
      return reply
        .code(503)
        .header('retry-after', '1')
        .type('text/plain')
        .send(`${scrapes} scrapes are under way: come back\n`);
    }
    scrapes++;
    reply.raw.once('close', () => scrapes--);
    await options.refresh?.refresh();
    return send(request, reply, options);
  });
}

function send(request: FastifyRequest, reply: FastifyReply, options: MetricsRouteOptions): FastifyReply {
  const format = formatFor(request.headers.accept);
  const body = Readable.from(exposition(options, format), { objectMode: false });
  void reply.header('content-type', CONTENT_TYPE[format]).header('vary', 'accept, accept-encoding');
  if (!takesGzip(request.headers['accept-encoding'])) return reply.send(body);
  const compressed = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 });
  pipeline(body, compressed, () => undefined); // its error, if any, is the response's too
  return reply.header('content-encoding', 'gzip').send(compressed);
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

/** Only when it is named: `*` or no header at all may be a client that does not know it. */
function takesGzip(header: string | string[] | undefined): boolean {
  const accept = String(header ?? '');
  return (
    /\bgzip\b/.test(accept) &&
    new Negotiator({ headers: { 'accept-encoding': accept } }).encoding(['gzip', 'identity']) === 'gzip'
  );
}
