import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { join } from 'node:path';
import test, { suite, type TestContext } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { LiveWebConfig } from '../../../lib/web-config/live-web-config.js';
import { createWebServer, listen } from '../../../lib/web-server.js';
import { until } from '../../harness/until.js';
import { makeCertificates, type Certificates } from '../../services/certificates.js';
import { testFolder } from '../../services/folders.js';

const TLS = 'cert_file: server.pem, key_file: server.key';
/** Of `opensesame`, by the C library's crypt(3). */
const HASH = '$2b$04$JTmCGAqsb1SL5qjlvaz8ie6pkJYPoU5C8eSso4BcQXPZGPDeIi/iG';
const OTHER_HASH = '$2b$04$JTmCGAqsb1SL5qjlvaz8ie6pkJYPoU5C8eSso4BcQXPZGPDeIi/iH';

interface Served {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly certificates: Certificates;
  readonly warnings: string[];
  /** Replaces the configuration. */
  write(yaml: string): void;
}

async function serve(t: TestContext, yaml: string): Promise<Served> {
  const folder = testFolder(t, 'web');
  const certificates = await makeCertificates(folder);
  const file = join(folder, 'web.yml');
  writeFileSync(file, yaml);
  const warnings: string[] = [];
  const web = await LiveWebConfig.open({ file, intervalMs: 20, warn: (message) => warnings.push(message) });
  const server = createWebServer({ web });
  t.after(() => server.close());
  server.get('/who', (incoming, reply) => reply.send(`HTTP/${incoming.raw.httpVersion}`));
  const url = await listen(server, { host: '127.0.0.1', port: 0 });
  const write = (text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  return { url, port: Number(new URL(url).port), folder, certificates, warnings, write };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Rejects when the server hangs up. */
function get(
  { port, certificates }: Served,
  options: ConnectionOptions & { auth?: string; path?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ca = readFileSync(certificates.caFile);
    const outgoing = request({ host: '127.0.0.1', port, path: '/who', ca, agent: false, ...options }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Shakes hands and hangs up. */
async function shake({ port, certificates }: Served, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: readFileSync(certificates.caFile), ...options });
  await once(socket, 'secureConnect');
  socket.end();
  return socket;
}

test('with a certificate it speaks TLS 1.2 and 1.3, HTTP/1.1 and 2, and nothing without TLS', async (t) => {
  const served = await serve(t, `tls_server_config: {${TLS}}`);
  assert.match(served.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await get(served)).body, 'HTTP/1.1');
  assert.equal((await shake(served)).getProtocol(), 'TLSv1.3');
  assert.equal((await shake(served, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
  await assert.rejects(fetch(served.url.replace('https', 'http')));
  assert.deepEqual(await getHttp2(served), [200, 'HTTP/2.0']);
});

test('http2: false leaves HTTP/2 out', async (t) => {
  const served = await serve(t, `tls_server_config: {${TLS}}\nhttp_server_config: {http2: false}`);
  assert.equal((await shake(served, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol, 'http/1.1');
  assert.equal((await get(served)).body, 'HTTP/1.1');
});

test('versions, suites and curves are those that are named', async (t) => {
  const only13 = await serve(t, `tls_server_config: {${TLS}, min_version: TLS13}`);
  await assert.rejects(shake(only13, { maxVersion: 'TLSv1.2' }));
  const only12 = await serve(
    t,
    `tls_server_config: {${TLS}, max_version: TLS12, curve_preferences: [CurveP384], cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]}`,
  );
  const socket = await shake(only12);
  assert.equal(socket.getProtocol(), 'TLSv1.2');
  // The server's order counts, not the client's.
  const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384';
  assert.equal((await shake(only12, { ciphers })).getCipher().name, 'ECDHE-ECDSA-AES256-GCM-SHA384');
  await assert.rejects(shake(only12, { ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' }));
  await assert.rejects(shake(only12, { ecdhCurve: 'P-256' }));
  const clients = await serve(
    t,
    `tls_server_config: {${TLS}, max_version: TLS12, prefer_server_cipher_suites: false, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]}`,
  );
  assert.equal((await shake(clients, { ciphers })).getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256');
});

/** Who gets an answer: without a certificate, with one of a stranger's authority, with one of ours. */
const CLIENTS: readonly [type: string, none: boolean, stranger: boolean, ours: boolean][] = [
  ['NoClientCert', true, true, true],
  ['RequestClientCert', true, true, true],
  ['RequireAnyClientCert', false, true, true],
  ['VerifyClientCertIfGiven, client_ca_file: ca.pem', true, false, true],
  ['RequireAndVerifyClientCert, client_ca_file: ca.pem', false, false, true],
];

suite('certificates of clients', () => {
  for (const [type, ...wanted] of CLIENTS) {
    for (const http2 of [true, false]) {
      test(`${type}, http2: ${http2}`, async (t) => {
        const served = await serve(
          t,
          `tls_server_config: {${TLS}, client_auth_type: ${type}}\nhttp_server_config: {http2: ${http2}}`,
        );
        const strangers = await makeCertificates(testFolder(t, 'strangers'));
        const answers = [];
        for (const client of [undefined, strangers, served.certificates]) {
          const status = await get(served, client && certificateOf(client)).then(
            ({ status }) => status,
            () => 'refused',
          );
          answers.push(status === 200);
        }
        assert.deepEqual(answers, wanted);
      });
    }
  }

  test('only names that are allowed', async (t) => {
    const yaml = (name: string): string =>
      `tls_server_config: {${TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [${name}]}`;
    const served = await serve(t, yaml('localhost'));
    const { serverCertFile: cert, serverKeyFile: key } = served.certificates;
    // This one has names, the client's own has none.
    const named = { cert: readFileSync(cert), key: readFileSync(key) };
    assert.equal((await get(served, named)).status, 200);
    await assert.rejects(get(served, certificateOf(served.certificates)));
    served.write(yaml('local'));
    await until(
      async () =>
        get(served, named).then(
          () => false,
          () => true,
        ),
      'the name is not allowed any more',
    );
    served.write(yaml('127.0.0.1'));
    await until(
      async () =>
        get(served, named).then(
          () => true,
          () => false,
        ),
      'the address is allowed',
    );
  });
});

test('a new certificate is shown to new connections; one that does not fit leaves the old one', async (t) => {
  const served = await serve(t, `tls_server_config: {${TLS}}`);
  const shown = async (): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: served.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const first = await shown();
  const next = await makeCertificates(testFolder(t, 'next'));
  copyFileSync(next.serverCertFile, join(served.folder, 'server.pem'));
  await until(() => Promise.resolve(served.warnings.length > 0), 'the key is missing');
  assert.match(served.warnings[0]!, /stays in force: .*web\.yml:1:\d+: tls_server_config\.key_file: is not the key/);
  assert.equal(await shown(), first);
  copyFileSync(next.serverKeyFile, join(served.folder, 'server.key'));
  await until(async () => (await shown()) !== first, 'the new certificate');
  assert.equal(served.warnings.length, 1);
});

test('all paths are behind the login, and users change while it runs', async (t) => {
  const served = await serve(t, `tls_server_config: {${TLS}}\nbasic_auth_users: {ann: ${HASH}}`);
  for (const path of ['/who', '/', '/metrics', '/no/such/path']) {
    const answer = await get(served, { path });
    assert.equal(answer.status, 401, path);
    assert.equal(answer.headers['www-authenticate'], 'Basic realm="sonde", charset="UTF-8"');
    assert.doesNotMatch(answer.body, /HTTP|no \//);
  }
  assert.equal((await get(served, { auth: 'ann:opensesame' })).status, 200);
  assert.equal((await get(served, { auth: 'ann:opensesame', path: '/no/such/path' })).status, 404);
  for (const auth of ['ann:opensesamf', 'bob:opensesame', 'ann:', ':', 'ann'])
    assert.equal((await get(served, { auth })).status, 401, auth);
  served.write(`tls_server_config: {${TLS}}\nbasic_auth_users: {bob: ${HASH}, ann: ${OTHER_HASH}}`);
  await until(async () => (await get(served, { auth: 'ann:opensesame' })).status === 401, 'another password');
  assert.equal((await get(served, { auth: 'bob:opensesame' })).status, 200);
});

test('without TLS it asks for a login, too; headers that are no login are none', async (t) => {
  const served = await serve(t, `basic_auth_users: {ann: ${HASH}}`);
  const ask = async (authorization: string): Promise<number> =>
    (await fetch(`${served.url}/who`, { headers: { authorization } })).status;
  const encoded = Buffer.from('ann:opensesame').toString('base64');
  assert.equal(await ask(`Basic ${encoded}`), 200);
  assert.equal(await ask(`basic  ${encoded} `), 200);
  for (const header of [
    '',
    'Basic',
    `Bearer ${encoded}`,
    'Basic !!!',
    `Basic ${Buffer.from('ann').toString('base64')}`,
    `Basic ${'A'.repeat(8000)}`,
  ])
    assert.equal(await ask(header), 401, header);
});

test('headers are on every answer, refusals included', async (t) => {
  const served = await serve(
    t,
    `basic_auth_users: {ann: ${HASH}}\nhttp_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: "", Strict-Transport-Security: max-age=60}}`,
  );
  const { headers, status } = await fetch(`${served.url}/nothing`);
  assert.equal(status, 401);
  assert.equal(headers.get('x-frame-options'), 'deny');
  assert.equal(headers.get('strict-transport-security'), 'max-age=60');
  assert.equal(headers.get('x-xss-protection'), null);
});

test('more requests than rate_limit takes are told to come later, before any login', async (t) => {
  const served = await serve(t, `basic_auth_users: {ann: ${HASH}}\nrate_limit: {interval: 1h, burst: 2}`);
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await fetch(`${served.url}/who`));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [401, 401, 429, 429],
  );
  assert.equal(answers[3]!.headers.get('retry-after'), '1');
  served.write(`basic_auth_users: {ann: ${HASH}}\nrate_limit: {interval: 0, burst: 2}`);
  await until(async () => (await fetch(`${served.url}/who`)).status === 401, 'no limit');
});

test('what the server is made with takes a restart, and is said once', async (t) => {
  const served = await serve(t, `basic_auth_users: {ann: ${HASH}}`);
  served.write(`tls_server_config: {${TLS}}`);
  await until(() => Promise.resolve(served.warnings.length > 0), 'the warning');
  assert.match(served.warnings[0]!, /a change of tls_server_config .* takes a restart/);
  assert.equal((await fetch(`${served.url}/who`)).status, 401, 'the login is still asked for');
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(served.warnings.length, 1);
});

function certificateOf({ clientCertFile, clientKeyFile }: Certificates): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(clientCertFile), key: readFileSync(clientKeyFile) };
}

async function getHttp2({ url, certificates }: Served): Promise<[unknown, string]> {
  const session = connectHttp2(url, { ca: readFileSync(certificates.caFile) });
  const stream = session.request({ ':path': '/who' });
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  let body = '';
  for await (const chunk of stream) body += String(chunk);
  session.close();
  return [headers[':status'], body];
}
