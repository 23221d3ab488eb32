import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { freePort } from '../harness/free-port.js';
import { runSonde, startSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';
import { makeCertificates, type Certificates } from '../services/certificates.js';
import { testFolder } from '../services/folders.js';
import { assertForPeople, assertRefused } from './assert-refused.js';
import { SONDE } from '../harness/executable.js';

/** Of `opensesame`, by the C library's crypt(3). */
const HASH = '$2b$10$OV2.WheCO75F1SPsQ.EIOeyLBOlQyOp0X6H7p/0TTEZBrOhT2sA0G';
const SECURE = `tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
basic_auth_users:
  prometheus: ${HASH}
`;

async function webFolder(t: TestContext, yaml: string): Promise<{ file: string; certificates: Certificates }> {
  const folder = testFolder(t, 'web');
  const certificates = await makeCertificates(folder);
  writeFileSync(join(folder, 'web.yml'), yaml);
  return { file: join(folder, 'web.yml'), certificates };
}

/** Status and body; rejects when the server hangs up. */
function ask(
  url: string,
  { caFile, clientCertFile, clientKeyFile }: Certificates,
  auth?: string,
): Promise<[number, string]> {
  const [ca, cert, key] = [caFile, clientCertFile, clientKeyFile].map((file) => readFileSync(file));
  return new Promise((resolve, reject) => {
    const request = get(url, { ca, cert, key, auth, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve([response.statusCode!, body]));
    });
    request.on('error', reject);
  });
}

test('sonde run serves all it has behind TLS, client certificates and logins', async (t) => {
  const { file, certificates } = await webFolder(t, SECURE);
  const sonde = await startSonde(t, ['--config.names', 'timers', '--web.config.file', file]);
  assert.match(sonde.stdout(), /^page\s+https:\/\/127\.0\.0\.1:\d+\/$/m);
  for (const path of ['/', '/metrics', '/federate?match[]=up', '/healthz', '/readyz', '/nothing']) {
    assert.equal((await ask(sonde.url + path, certificates))[0], 401, path);
  }
  const [status, metrics] = await ask(`${sonde.url}/metrics`, certificates, 'prometheus:opensesame');
  assert.equal(status, 200);
  assert.match(metrics, /^ebpf_exporter_timer_starts_total\{/m);
  assert.equal((await ask(`${sonde.url}/nothing`, certificates, 'prometheus:opensesame'))[0], 404);

  // The capabilities are gone by now, and what is read again is root's.
  const next = await makeCertificates(testFolder(t, 'next'));
  for (const name of ['serverCertFile', 'serverKeyFile', 'caFile'] as const)
    copyFileSync(next[name], certificates[name]);
  const answers = (): Promise<boolean> =>
    ask(`${sonde.url}/healthz`, next, 'prometheus:opensesame').then(
      ([status]) => status === 200,
      () => false,
    );
  await until(answers, 'the new certificates');
  assert.equal(await sonde.stop(), 0);
  assertForPeople(sonde.stderr());
});

test('sonde collect serves behind a login', async (t) => {
  const { file } = await webFolder(t, `basic_auth_users: {prometheus: ${HASH}}`);
  const kafka = ['--kafka.brokers', '127.0.0.1:1', '--spool.dir', testFolder(t, 'spool')];
  const sonde = await startSonde(t, ['--config.names', 'timers', '--web.config.file', file, ...kafka], 'collect');
  assert.equal((await fetch(`${sonde.url}/metrics`)).status, 401);
  const authorization = `Basic ${Buffer.from('prometheus:opensesame').toString('base64')}`;
  assert.equal((await fetch(`${sonde.url}/metrics`, { headers: { authorization } })).status, 200);
});

test('a web configuration that cannot be used is refused by every server, before anything is loaded', async (t) => {
  const { file } = await webFolder(t, 'tls_server_config: {cert_fle: server.pem, key_file: server.key}');
  const kafka = ['--kafka.brokers', '127.0.0.1:1'];
  for (const command of [['run'], ['run', '--config.check'], ['collect', ...kafka], ['aggregate', ...kafka]]) {
    const result = await runSonde([...command, '--web.config.file', file]);
    assertRefused(result, /web\.yml:1:21: tls_server_config\.cert_fle: is not a key here; did you mean cert_file\?/);
  }
  assertRefused(await runSonde(['run', '--web.config.file', '/nowhere.yml']), /\/nowhere\.yml: cannot be read: ENOENT/);
});

test('it serves on a socket of systemd', async (t) => {
  for (const address of ['fd://0', 'fd://3']) {
    const port = await freePort();
    // As systemd does: listens, starts it with the first connection, and hands the socket over.
    const child = spawn(
      'systemd-socket-activate',
      [
        '-l',
        `127.0.0.1:${port}`,
        process.execPath,
        SONDE,
        'run',
        '--config.names',
        'timers',
        '--web.listen-address',
        address,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    t.after(() => child.kill('SIGKILL'));
    await until(() => /Listening on/.test(output), 'the socket');
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.match(await answer.text(), /^ebpf_exporter_timer_starts_total\{/m);
    assert.match(output, new RegExp(`^metrics +http://127\\.0\\.0\\.1:${port}/metrics$`, 'm'));
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null], output);
  }
});

test('what is no socket is named', async () => {
  const result = await runSonde(['run', '--config.names', 'timers', '--web.listen-address', 'fd://0']);
  assertRefused(result, /cannot listen on fd:\/\/0: descriptor 0 is no socket; start it by a systemd unit/);
  const closed = await runSonde(['run', '--config.names', 'timers', '--web.listen-address', 'fd://999']);
  assertRefused(closed, /descriptor 999 is no socket/);
});
