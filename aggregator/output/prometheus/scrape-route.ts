import { pipeline, Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { SondeError } from '../../../wire/errors.js';

/** Answers of one route that are written at the same time; who asks beyond is told to come back. */
const MAX_SCRAPES = 64;
/** How long a scrape waits at most for what is on its way. */
const MAX_WAIT_MS = 3000;

export interface ScrapeAnswer {
  readonly contentType: string;
  /** Called once all is ready. */
  readonly chunks: () => AsyncIterable<Buffer>;
}

/**
 * A route that answers with series: in chunks, with gzip when asked for, and no more of them at once than is good.
 * @param ready what is waited for, for a limited time, before the answer is written.
 * @param answer to the request; a SondeError `SELECTOR` that it throws is the client's (status 400).
 */
export function registerScrapeRoute(
  server: FastifyInstance,
  path: string,
  ready: (timeoutMs: number) => Promise<void>,
  answer: (request: FastifyRequest) => ScrapeAnswer,
): void {
  let scrapes = 0;
  server.get(path, async (request, reply) => {
    if (scrapes >= MAX_SCRAPES) {
      return reply
        .code(503)
        .header('retry-after', '1')
        .type('text/plain')
        .send(`${scrapes} scrapes are under way: come back\n`);
    }
    const answered = answerOrFault(() => answer(request));
    if (answered instanceof SondeError) return reply.code(400).type('text/plain').send(`${answered.message}\n`);
    scrapes++;
    reply.raw.once('close', () => scrapes--);
    await ready(readyMs(request.headers['x-prometheus-scrape-timeout-seconds']));
    const body = Readable.from(answered.chunks(), { objectMode: false });
    return send(request, reply.header('content-type', answered.contentType), body);
  });
}

function answerOrFault(answer: () => ScrapeAnswer): ScrapeAnswer | SondeError {
  try {
    return answer();
  } catch (error) {
    if (error instanceof SondeError && error.code === 'SELECTOR') return error;
    throw error;
  }
}

function send(request: FastifyRequest, reply: FastifyReply, body: Readable): FastifyReply {
  void reply.header('vary', 'accept, accept-encoding');
  if (!takesGzip(request.headers['accept-encoding'])) return reply.send(body);
  const compressed = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 });
  pipeline(body, compressed, () => undefined); // its error, if any, is the response's too
  return reply.header('content-encoding', 'gzip').send(compressed);
}

/** Half of what the scraper gives it, so that there is time left to write. */
function readyMs(timeoutSeconds: string | string[] | undefined): number {
  const given = Number(timeoutSeconds);
  return given > 0 ? Math.min(MAX_WAIT_MS, given * 500) : MAX_WAIT_MS;
}

/** Only when it is named: `*` or no header at all may be a client that does not know it. */
function takesGzip(header: string | string[] | undefined): boolean {
  const accept = String(header ?? '');
  return (
    /\bgzip\b/.test(accept) &&
    new Negotiator({ headers: { 'accept-encoding': accept } }).encoding(['gzip', 'identity']) === 'gzip'
  );
}
