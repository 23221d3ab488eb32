import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** Bytes of a PEM file: the authorities of a whole system have some 200 KB. */
export const MAX_PEM_BYTES = 1024 * 1024;

const PARSERS = {
  certificate: (pem: string): unknown => new X509Certificate(pem),
  'private key without a passphrase': createPrivateKey,
};
export type PemKind = keyof typeof PARSERS;

/** Whether the text begins with what it should hold. What the parser says is OpenSSL's code, and of no help. */
export function isPem(text: string, kind: PemKind): boolean {
  return succeeds(() => PARSERS[kind](text));
}

/** Whether the key is that of the certificate. */
export function arePair(cert: string, key: string): boolean {
  return succeeds(() => createSecureContext({ cert, key }));
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}
