import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './folders.js';

/** Paths of PEM files. */
export interface Certificates {
  readonly caFile: string;
  /** For 127.0.0.1 and localhost. */
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2'];

/** Makes an authority with a server's and a client's certificate, in PEM; keys in PKCS#8. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  const make = (name: string, subject: string, ...more: string[]): Promise<void> =>
    runTool('openssl', [
      ...['req', '-x509', ...NEW_KEY, '-subj', `/CN=${subject}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), ...more],
    ]);
  await make('ca', 'sonde test authority');
  const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-addext', 'basicConstraints=critical,CA:FALSE'];
  await make('server', 'localhost', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  await make('client', 'sonde', ...signed);
  return {
    caFile: file('ca.pem'),
    serverCertFile: file('server.pem'),
    serverKeyFile: file('server.key'),
    clientCertFile: file('client.pem'),
    clientKeyFile: file('client.key'),
  };
}
