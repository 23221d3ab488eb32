import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { ListenAddress } from './listen-address.js';

export interface WebServerOptions {
  /** A connection on which nothing moves for this long during a request is closed: a client that stops reading would hold it for ever (default 30 000). */
  readonly stalledAfterMs?: number;
}

/** An HTTP server with the limits that one on every host needs: small requests, no slow ones, plain 404s. Routes are the caller's. */
export function createWebServer(options: WebServerOptions = {}): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    requestTimeout: 10_000,
    connectionTimeout: options.stalledAfterMs ?? 30_000,
    keepAliveTimeout: 75_000,
    forceCloseConnections: true,
  });
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).type('text/plain').send(`no ${request.url} here: / lists what there is\n`),
  );
  return server;
}

/** Listens, and returns the address in the form `http://host:port`, with a host that works on this machine. */
export async function listen(server: FastifyInstance, address: ListenAddress): Promise<string> {
  await server.listen({ host: address.host === '' ? '::' : address.host, port: address.port });
  const bound = server.server.address() as AddressInfo;
  const host = address.host === '' || address.host === '0.0.0.0' || address.host === '::' ? 'localhost' : address.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
}
