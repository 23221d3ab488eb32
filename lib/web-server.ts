import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyListenOptions } from 'fastify';
import type { ListenAddress } from './listen-address.js';
import { guard } from './web-config/guard.js';
import type { LiveWebConfig } from './web-config/live-web-config.js';
import { handshakeOf, secureContextOf } from './web-config/tls.js';

/** Streams of one HTTP/2 connection at once. */
const MAX_STREAMS = 100;

export interface WebServerOptions {
  /** A connection on which nothing moves for this long during a request is closed: a client that stops reading would hold it for ever (default 30 000). */
  readonly stalledAfterMs?: number;
  /** TLS, and who may log in; left out: none, and everybody. Closed with the server. */
  readonly web?: LiveWebConfig | undefined;
}

/** An HTTP server with the limits that one on every host needs: small requests, no slow ones, plain 404s. Routes are the caller's. */
export function createWebServer(options: WebServerOptions = {}): FastifyInstance {
  const { web } = options;
  const server = newServer(options);
  if (web !== undefined) guard(server, web);
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).type('text/plain').send(`no ${request.url} here: / lists what there is\n`),
  );
  return server;
}

/** Of the kind that is asked for; routes need not know which. */
function newServer({ stalledAfterMs = 30_000, web }: WebServerOptions): FastifyInstance {
  const limits = {
    logger: false,
    bodyLimit: 64 * 1024,
    requestTimeout: 10_000,
    connectionTimeout: stalledAfterMs,
    keepAliveTimeout: 75_000,
    forceCloseConnections: true,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  } as const;
  if (web?.config.tls === undefined) return fastify(limits);
  const https = { ...secureContextOf(web.config.tls), ...handshakeOf(web.config.tls) };
  if (!web.config.http2) return fastify({ ...limits, https });
  const settings = { maxConcurrentStreams: MAX_STREAMS };
  const http2 = { ...https, allowHTTP1: true, settings };
  return fastify({ ...limits, http2: true, https: http2 }) as unknown as FastifyInstance;
}

/** No route has a schema, so the compilers for them, some 200 modules, are never loaded. */
function noSchemas(): never {
  throw new Error('routes have no JSON schemas here');
}

/** Listens, and returns the address in the form `http://host:port`, with a host that works on this machine; of a Unix socket `fd:N`. */
export async function listen(server: FastifyInstance, address: ListenAddress): Promise<string> {
  await server.listen(optionsOf(address));
  const bound = server.server.address() as AddressInfo | null;
  if (bound === null) return 'fd' in address ? `fd:${address.fd}` : '';
  const host = 'fd' in address ? bound.address : address.host;
  const shown = ['', '0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  const protocol = 'setSecureContext' in server.server ? 'https' : 'http';
  return `${protocol}://${shown.includes(':') ? `[${shown}]` : shown}:${bound.port}`;
}

/** Node takes a descriptor where Fastify's types know none. */
function optionsOf(address: ListenAddress): FastifyListenOptions {
  if ('fd' in address) return { host: '', fd: address.fd } as FastifyListenOptions;
  return { host: address.host === '' ? '::' : address.host, port: address.port };
}
