import type { X509Certificate } from 'node:crypto';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { WebTls } from './load.js';
import { CIPHER_SUITES, CURVES, TLS_13_SUITES, TLS_VERSIONS } from './schema.js';

/** What may change while the server runs. */
export function secureContextOf(tls: WebTls): SecureContextOptions {
  const suites = tls.cipher_suites?.flatMap((name) => CIPHER_SUITES[name as keyof typeof CIPHER_SUITES] ?? []) ?? [];
  const curves = tls.curve_preferences?.map((name) => CURVES[name]) ?? [];
  return {
    cert: tls.cert,
    key: tls.key,
    ...(tls.clientCa !== undefined && { ca: tls.clientCa }),
    minVersion: TLS_VERSIONS[tls.min_version ?? 'TLS12'],
    maxVersion: TLS_VERSIONS[tls.max_version ?? 'TLS13'],
    honorCipherOrder: tls.prefer_server_cipher_suites,
    ...(suites.length > 0 && { ciphers: [...TLS_13_SUITES, ...suites].join(':') }),
    ...(curves.length > 0 && { ecdhCurve: curves.join(':') }),
  };
}

/** What may not. The handshake itself only refuses where a certificate is both needed and verified; the rest does {@link refusalOf}. */
export function handshakeOf(tls: WebTls): { requestCert: boolean; rejectUnauthorized: boolean } {
  return {
    requestCert: tls.client_auth_type !== 'NoClientCert',
    rejectUnauthorized: tls.client_auth_type === 'RequireAndVerifyClientCert',
  };
}

/** Whether a client that has shaken hands is to be hung up on. */
export function isUnwelcome(socket: TLSSocket, tls: WebTls): boolean {
  const certificate = socket.getPeerX509Certificate();
  switch (tls.client_auth_type) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return false;
    case 'VerifyClientCertIfGiven':
      return certificate !== undefined && !socket.authorized;
    case 'RequireAnyClientCert':
      return certificate === undefined || !isAllowed(certificate, tls.client_allowed_sans);
    case 'RequireAndVerifyClientCert':
      return !socket.authorized || certificate === undefined || !isAllowed(certificate, tls.client_allowed_sans);
  }
}

function isAllowed(certificate: X509Certificate, allowed: readonly string[] | undefined): boolean {
  return allowed === undefined || alternativeNames(certificate).some((name) => allowed.includes(name));
}

/** Names, addresses and URIs that a certificate is for, beside its subject. */
export function alternativeNames({ subjectAltName }: Pick<X509Certificate, 'subjectAltName'>): string[] {
  // Node writes `DNS:a, IP Address:192.0.2.1, URI:"…"`, the value as a JSON string where it could be misread.
  const entries = (subjectAltName ?? '').matchAll(
    /(?:^|, )(DNS|IP Address|email|URI):("(?:[^"\\]|\\.)*"|[^",]*)(?=, |$)/g,
  );
  return [...entries].map(([, , value = '']) => (value.startsWith('"') ? (JSON.parse(value) as string) : value));
}
