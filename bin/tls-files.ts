import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { readTextFile } from '../lib/read-text-file.js';
import type { SettingValues } from '../lib/settings.js';
import { UsageError } from './fail.js';

/** PEM texts. */
export interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Bytes of a PEM file: the authorities of a whole system have some 200 KB. */
const MAX_PEM_BYTES = 1024 * 1024;

/** Reads the files that `<prefix>.ca-file`, `.cert-file` and `.key-file` name. Throws a UsageError for what is no PEM of its kind. */
export async function readTlsFiles(values: SettingValues, prefix: 'kafka.tls' | 'redis.tls'): Promise<TlsTexts> {
  const ca = await readPem(values, `${prefix}.ca-file`, 'certificate', (pem) => new X509Certificate(pem));
  const cert = await readPem(values, `${prefix}.cert-file`, 'certificate', (pem) => new X509Certificate(pem));
  const key = await readPem(values, `${prefix}.key-file`, 'private key without a passphrase', createPrivateKey);
  if (cert !== undefined && key !== undefined && !fit(cert, key)) {
    const [certFile, keyFile] = [values[`${prefix}.cert-file`], values[`${prefix}.key-file`]];
    throw new UsageError(
      `${prefix}.key-file: ${keyFile} is not the key of ${certFile}: give the two that were made together`,
    );
  }
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

async function readPem(
  values: SettingValues,
  name: `${'kafka' | 'redis'}.tls.${'ca' | 'cert' | 'key'}-file`,
  what: string,
  parse: (pem: string) => unknown,
): Promise<string | undefined> {
  const file = values[name];
  if (file === undefined) return undefined;
  const text = await readTextFile(file, MAX_PEM_BYTES);
  if (typeof text !== 'string') throw new UsageError(`${name}: ${file} ${text.message}; ${text.hint}`);
  try {
    parse(text);
  } catch {
    // What the parser says is OpenSSL's code, and of no help.
    throw new UsageError(`${name}: ${file} holds no ${what} in PEM: give a file with -----BEGIN …-----`);
  }
  return text;
}

function fit(cert: string, key: string): boolean {
  try {
    createSecureContext({ cert, key });
    return true;
  } catch {
    return false;
  }
}
