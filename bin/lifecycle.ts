import type { FastifyInstance } from 'fastify';
import { summaryLine, type Reloader } from './reloader.js';

const PATH = '/-/reload';

/**
 * `POST /-/reload`, with Prometheus's answers: 403 unless `web.enable-lifecycle` is set, 405 for other methods, 500 with the reason
 * when what ran before runs on.
 * @param reloader undefined where it is not to be asked.
 */
export function registerLifecycle(server: FastifyInstance, reloader: Pick<Reloader, 'reload'> | undefined): void {
  void server.register((scope, _options, done) => {
    // Nothing in a body is needed: whatever it is, it is read and left.
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, parsed) => parsed(null));
    scope.addHook('onRequest', (_request, reply, next) => {
      void reply.type('text/plain; charset=utf-8');
      next();
    });
    scope.route({
      method: ['POST', 'PUT'],
      url: PATH,
      handler: async (_request, reply) => {
        if (reloader === undefined) return reply.code(403).send('Lifecycle API is not enabled.\n');
        const outcome = await reloader.reload(`POST ${PATH}`);
        if (outcome.ok) return `${summaryLine(outcome.summary)}\n`;
        return reply.code(500).send(`failed to reload config: ${outcome.message}\n`);
      },
    });
    scope.route({
      method: ['GET', 'DELETE', 'PATCH'],
      url: PATH,
      handler: (_request, reply) =>
        reply.code(405).header('allow', 'POST, PUT').send('Only POST or PUT requests allowed\n'),
    });
    done();
  });
}
