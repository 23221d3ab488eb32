import { arePair, isPem, MAX_PEM_BYTES, type PemKind } from '../lib/pem.js';
import { readTextFile } from '../lib/read-text-file.js';
import type { SettingValues } from '../lib/settings.js';
import { UsageError } from './fail.js';

/** PEM texts. */
export interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads the files that `<prefix>.ca-file`, `.cert-file` and `.key-file` name. Throws a UsageError for what is no PEM of its kind. */
export async function readTlsFiles(values: SettingValues, prefix: 'kafka.tls' | 'redis.tls'): Promise<TlsTexts> {
  const ca = await readPem(values, `${prefix}.ca-file`, 'certificate');
  const cert = await readPem(values, `${prefix}.cert-file`, 'certificate');
  const key = await readPem(values, `${prefix}.key-file`, 'private key without a passphrase');
  if (cert !== undefined && key !== undefined && !arePair(cert, key)) {
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
  kind: PemKind,
): Promise<string | undefined> {
  const file = values[name];
  if (file === undefined) return undefined;
  const text = await readTextFile(file, MAX_PEM_BYTES);
  if (typeof text !== 'string') throw new UsageError(`${name}: ${file} ${text.message}; ${text.hint}`);
  if (!isPem(text, kind))
    throw new UsageError(`${name}: ${file} holds no ${kind} in PEM: give a file with -----BEGIN …-----`);
  return text;
}
