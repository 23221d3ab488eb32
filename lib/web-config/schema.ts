import { z } from 'zod';
import { duration } from '../settings/kinds.js';

/** The web configuration file of the Prometheus exporters, as it is written. Secrets are never quoted in messages. */

/** Versions of TLS and what Node calls them. Older than 1.2 are taken as a lower bound, and not spoken. */
export const TLS_VERSIONS = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
type TlsVersion = keyof typeof TLS_VERSIONS;

/** Go's names of TLS 1.2's suites and OpenSSL's. */
export const CIPHER_SUITES = {
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
} as const;
/** TLS 1.3's are always on, there as here; naming them changes nothing. */
export const TLS_13_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

export const CURVES = { CurveP256: 'P-256', CurveP384: 'P-384', CurveP521: 'P-521', X25519: 'X25519' } as const;

const CLIENT_AUTH_TYPES = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

/** A higher one keeps a core busy for seconds a login. */
const MAX_BCRYPT_COST = 16;
const MAX_USERS = 1000;

const keys = <T extends object>(of: T): [keyof T & string, ...(keyof T & string)[]] =>
  Object.keys(of) as [keyof T & string, ...(keyof T & string)[]];
const file = z.string().min(1).max(4096).optional();
const pem = z.string().min(1).optional();
const version = z.enum(keys(TLS_VERSIONS)).optional();
const headerText = z
  .string()
  .max(4096)
  .regex(/^[\x20-\x7e]*$/, 'has characters that no header may have')
  .optional();

const hash = z.string().superRefine((text, context) => {
  const refuse = (message: string, hint: string): void =>
    context.addIssue({ code: 'custom', message, params: { hint } });
  const cost = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text)?.[1];
  if (cost === undefined) refuse('is no bcrypt hash', 'make one with: htpasswd -nBC 10 "" | tr -d \':\\n\'');
  else if (Number(cost) < 4 || Number(cost) > MAX_BCRYPT_COST)
    refuse(`has a bcrypt cost of ${Number(cost)}`, `make one with a cost from 4 to ${MAX_BCRYPT_COST}`);
});

const tlsServer = z
  .strictObject({
    cert: pem,
    key: pem,
    client_ca: pem,
    cert_file: file,
    key_file: file,
    client_ca_file: file,
    client_auth_type: z.enum(CLIENT_AUTH_TYPES).default('NoClientCert'),
    client_allowed_sans: z.array(z.string().min(1)).max(1000).optional(),
    min_version: version,
    max_version: version,
    cipher_suites: z
      .array(z.enum([...keys(CIPHER_SUITES), ...TLS_13_SUITES]))
      .max(100)
      .optional(),
    prefer_server_cipher_suites: z.boolean().default(true),
    curve_preferences: z
      .array(z.enum(keys(CURVES)))
      .max(20)
      .optional(),
  })
  .superRefine((tls, context) => {
    const refuse = (key: string, message: string, hint: string): void =>
      context.addIssue({ code: 'custom', path: [key], message, params: { hint } });
    for (const name of ['cert', 'key', 'client_ca'] as const) {
      if (tls[name] !== undefined && tls[`${name}_file`] !== undefined)
        refuse(name, `is given beside ${name}_file`, 'remove one');
    }
    for (const name of ['cert', 'key'] as const) {
      if (tls[name] === undefined && tls[`${name}_file`] === undefined)
        refuse(`${name}_file`, 'is missing', 'give it, or leave tls_server_config out for a server without TLS');
    }
    const authority = tls.client_ca !== undefined || tls.client_ca_file !== undefined;
    const type = tls.client_auth_type;
    if (authority && type === 'NoClientCert')
      refuse(
        'client_auth_type',
        'asks for no certificate, but an authority of clients is given',
        'write RequireAndVerifyClientCert',
      );
    if (!authority && (type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert'))
      refuse('client_ca_file', `is missing beside client_auth_type ${type}`, 'give the PEM of who signs clients');
    if (
      tls.client_allowed_sans !== undefined &&
      type !== 'RequireAnyClientCert' &&
      type !== 'RequireAndVerifyClientCert'
    )
      refuse(
        'client_allowed_sans',
        `needs a certificate, which client_auth_type ${type} does not`,
        'write RequireAndVerifyClientCert',
      );
    const [min, max] = [tls.min_version ?? 'TLS12', tls.max_version ?? 'TLS13'];
    if (max < 'TLS12') refuse('max_version', `is ${max}`, 'TLS12 and TLS13 are what is spoken');
    else if (min > max) refuse('min_version', `is ${min}, above max_version ${max}`, 'make it lower');
  });

export const webConfigSchema = z.strictObject({
  tls_server_config: tlsServer.optional(),
  http_server_config: z
    .strictObject({
      http2: z.boolean().default(true),
      headers: z
        .strictObject({
          'Content-Security-Policy': headerText,
          'X-Frame-Options': z.enum(['', 'deny', 'sameorigin']).optional(),
          'X-Content-Type-Options': z.enum(['', 'nosniff']).optional(),
          'X-XSS-Protection': headerText,
          'Strict-Transport-Security': headerText,
        })
        .optional(),
    })
    .optional(),
  basic_auth_users: z
    .record(z.string(), hash)
    .superRefine((users, context) => {
      if (Object.keys(users).length <= MAX_USERS) return;
      context.addIssue({
        code: 'custom',
        message: 'has too many users',
        params: { hint: `${MAX_USERS} are the most` },
      });
    })
    .optional(),
  rate_limit: z
    .strictObject({
      interval: duration('0s', '24h').schema,
      burst: z.int().min(1).max(1_000_000),
    })
    .optional(),
});

export type WebConfigInput = z.output<typeof webConfigSchema>;
export type TlsInput = NonNullable<WebConfigInput['tls_server_config']>;
export type { TlsVersion };
