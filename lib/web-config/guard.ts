import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LiveWebConfig } from './live-web-config.js';
import { isUnwelcome, secureContextOf } from './tls.js';

/** Puts all that a server answers, unknown paths too, behind its web configuration, as it is at the moment. Before any route is added. */
export function guard(server: FastifyInstance, web: LiveWebConfig): void {
  // A method of TLS servers, HTTP/2's too.
  const tlsServer = server.server as { setSecureContext?: (options: object) => void };
  web.watch(({ tls }) => tls && tlsServer.setSecureContext?.(secureContextOf(tls)));
  server.server.on('secureConnection', (socket: TLSSocket) => {
    const { tls } = web.config;
    if (tls !== undefined && isUnwelcome(socket, tls)) socket.destroy();
  });
  server.addHook('onRequest', async (request, reply) => {
    void reply.headers(web.config.headers);
    if (!web.takesRequest()) return sendLater(reply, 1, 'too many requests');
    if (web.config.users.size > 0) await login(request, reply, web);
  });
  server.addHook('onClose', () => web.close());
}

/** Answers whoever may not see anything. */
async function login(request: FastifyRequest, reply: FastifyReply, { credentials }: LiveWebConfig): Promise<void> {
  const given = credentialsOf(request.headers.authorization);
  const answer = given && (await credentials.verify(given.user, given.password, request.ip));
  if (answer === 'right') return;
  if (answer === 'later') return sendLater(reply, 10, 'too many attempts to log in');
  await reply
    .code(401)
    .header('www-authenticate', 'Basic realm="sonde", charset="UTF-8"')
    .type('text/plain')
    .send('user and password, please\n');
}

async function sendLater(reply: FastifyReply, seconds: number, why: string): Promise<void> {
  await reply.code(429).header('retry-after', String(seconds)).type('text/plain').send(`${why}: come back later\n`);
}

/** Of a header of basic authentication. */
function credentialsOf(header: string | undefined): { user: string; password: string } | undefined {
  const encoded = /^basic +([\w+/-]+=*) *$/i.exec(header ?? '')?.[1];
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  return user === undefined || password === undefined ? undefined : { user, password };
}
