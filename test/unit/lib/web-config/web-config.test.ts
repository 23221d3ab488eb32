import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { suite } from 'node:test';
import { SettingsError } from '../../../../lib/settings/problem.js';
import { loadWebConfig } from '../../../../lib/web-config/load.js';
import { alternativeNames } from '../../../../lib/web-config/tls.js';
import { makeCertificates } from '../../../services/certificates.js';
import { testFolder } from '../../../services/folders.js';

/** Of nobody's password. */
const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG';
const TLS = 'tls_server_config: {cert_file: server.pem, key_file: server.key';

const BROKEN: readonly [yaml: string, ...says: string[]][] = [
  ['tls_server_confg: {}', 'web.yml:1:1: tls_server_confg: is not a key here; did you mean tls_server_config?'],
  [`${TLS}, cipher_suite: []}`, 'tls_server_config.cipher_suite: is not a key here; did you mean cipher_suites?'],
  ['http_server_config: {headers: {X-Powered-By: x}}', 'http_server_config.headers.X-Powered-By: is not a key here'],
  ['http_server_config: {http2: maybe}', 'http_server_config.http2: is "maybe"; it must be true or false'],
  ['tls_server_config: {min_version: TLS12}', 'cert_file: is missing', 'key_file: is missing'],
  [`${TLS}, min_version: TLS14}`, 'tls_server_config.min_version: "TLS14" is not known here'],
  [`${TLS}, min_version: TLS13, max_version: TLS12}`, 'min_version: is TLS13, above max_version TLS12'],
  [`${TLS}, max_version: TLS11}`, 'max_version: is TLS11; TLS12 and TLS13 are what is spoken'],
  [`${TLS}, cipher_suites: [ECDHE]}`, 'tls_server_config.cipher_suites[0]: "ECDHE" is not known here'],
  [`${TLS}, curve_preferences: [P256]}`, 'curve_preferences[0]: "P256" is not known here'],
  [`${TLS}, client_auth_type: RequireAndVerifyClientCert}`, 'client_ca_file: is missing beside client_auth_type'],
  [`${TLS}, client_ca_file: ca.pem}`, 'client_auth_type: asks for no certificate'],
  [`${TLS}, client_allowed_sans: [a]}`, 'client_allowed_sans: needs a certificate'],
  [`${TLS}, cert: x}`, 'tls_server_config.cert: is given beside cert_file; remove one'],
  ['tls_server_config: {cert_file: none.pem, key_file: server.key}', '/none.pem cannot be read: ENOENT'],
  ['tls_server_config: {cert_file: server.key, key_file: server.key}', '/server.key holds no certificate in PEM'],
  ['tls_server_config: {cert_file: server.pem, key_file: client.key}', 'key_file: is not the key of the certificate'],
  ['basic_auth_users: {ann: plaintext}', 'web.yml:1:20: basic_auth_users.ann: is no bcrypt hash; make one with'],
  [`basic_auth_users: {ann: ${HASH.replace('10', '31')}}`, 'basic_auth_users.ann: has a bcrypt cost of 31'],
  ['basic_auth_users: [ann]', 'basic_auth_users: is a list; it must be a map'],
  ['rate_limit: {interval: 1s}', 'rate_limit.burst: is missing'],
  ['rate_limit: {interval: soon, burst: 0}', 'interval: "soon" is no duration', 'burst: is 0; it must be at least 1'],
  ['\na: [', 'web.yml:2:5: is not valid YAML'],
];

suite('what is wrong in a web configuration is named with its place, and no secret is quoted', () => {
  for (const [yaml, ...says] of BROKEN) {
    test(yaml, async (t) => {
      const folder = testFolder(t, 'web');
      await makeCertificates(folder);
      writeFileSync(join(folder, 'web.yml'), yaml);
      await assert.rejects(loadWebConfig(join(folder, 'web.yml')), (error) => {
        assert.ok(error instanceof SettingsError);
        for (const words of says) assert.ok(error.message.includes(words), `${words} in: ${error.message}`);
        assert.equal(error.problems.length, says.length, error.message);
        assert.doesNotMatch(error.message, /plaintext|zoubFi6/);
        return true;
      });
    });
  }
});

test('an empty file asks for nothing', async (t) => {
  const file = join(testFolder(t, 'web'), 'web.yml');
  for (const yaml of [
    '',
    '# nothing\n',
    'tls_server_config:\nbasic_auth_users:\nhttp_server_config: {headers: {}}\n',
  ]) {
    writeFileSync(file, yaml);
    assert.deepEqual(await loadWebConfig(file), { http2: true, headers: {}, users: new Map(), files: [file] });
  }
});

test('names of certificates are read whole, commas and quotes included', () => {
  for (const [subjectAltName, names] of [
    [undefined, []],
    [
      'DNS:a.example, IP Address:192.0.2.1, email:a@b.example, URI:spiffe://x/y',
      ['a.example', '192.0.2.1', 'a@b.example', 'spiffe://x/y'],
    ],
    ['DNS:"a.example\\u002c DNS:admin", DNS:b', ['a.example, DNS:admin', 'b']],
    ['DirName:"CN = DNS:admin", DNS:c', ['c']],
    ['DNS:"x, DNS:admin"', ['x, DNS:admin']],
  ] as const) {
    assert.deepEqual(alternativeNames({ subjectAltName }), names, subjectAltName);
  }
});
