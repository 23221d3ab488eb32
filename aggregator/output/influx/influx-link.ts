import { HttpError, InfluxDB } from '@influxdata/influxdb-client';

/** What the server has said to a request. */
export type Answer =
  | { readonly result: 'written' }
  /** May work later: the server is away or busy, or does not know us. */
  | { readonly result: 'later'; readonly reason: string; readonly retryAfterMs?: number }
  /** Something in it can never be written; what else is in it may have been. */
  | { readonly result: 'refused'; readonly reason: string }
  | { readonly result: 'too_large' };

export interface InfluxLinkOptions {
  readonly url: string;
  /** Organisation; '' where the server has none. */
  readonly org: string;
  /** Bucket, or `database/retention-policy` of 1.8. */
  readonly bucket: string;
  /** Instead of `/api/v2/write?…`: path and query of a server without it, such as `/write?db=sonde&precision=ns`. */
  readonly path?: string | undefined;
  /** The token at this moment: read again after the server has refused it. '' for none. */
  readonly token: () => Promise<string>;
  /** PEM of who signed the server's certificate (default: the system's). */
  readonly ca?: string | undefined;
  /** How long a request may take in all (default 10 s). */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 10_000;
/** Smaller requests are sent as they are. */
const GZIP_FROM_BYTES = 1000;
/** Of what a server says. */
const MAX_REASON = 500;
/** The batch as it is: no repetition helps. */
const REFUSED: ReadonlySet<number> = new Set([400, 422]);
const TOO_LARGE = 413;

/** Sends batches, each once: what becomes of one that fails is the caller's business. */
export class InfluxLink {
  readonly #options: InfluxLinkOptions;
  readonly #path: string;
  #client: InfluxDB | undefined;

  constructor(options: InfluxLinkOptions) {
    this.#options = options;
    const { org, bucket, path } = options;
    this.#path = path ?? `/api/v2/write?${new URLSearchParams({ org, bucket, precision: 'ns' }).toString()}`;
  }

  /** Never rejects. `signal` ends it early. */
  async send(lines: Buffer, signal: AbortSignal): Promise<Answer> {
    const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const status = await this.#post(lines, AbortSignal.any([signal, timeout]));
      // 3.x answers 201 when it has taken a part only.
      return status === 201 ? { result: 'refused', reason: 'written in part' } : { result: 'written' };
    } catch (error) {
      if (timeout.aborted) return { result: 'later', reason: `no answer within ${timeoutMs} ms` };
      return this.#answerOf(error);
    }
  }

  async #post(lines: Buffer, signal: AbortSignal): Promise<number | undefined> {
    const client = await this.#connected();
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    // The client's transport only: its write API keeps, repeats and drops batches by itself.
    return new Promise((resolve, reject) => {
      let status: number | undefined;
      client.transport.send(
        this.#path,
        lines.toString(),
        // The client's own time-out leaves the request open; an abort ends it.
        { method: 'POST', headers, gzipThreshold: GZIP_FROM_BYTES, signal },
        {
          responseStarted: (_, code) => (status = code),
          next: () => undefined,
          complete: () => resolve(status),
          error: reject,
        },
      );
    });
  }

  async #connected(): Promise<InfluxDB> {
    if (this.#client !== undefined) return this.#client;
    const { url, ca, token } = this.#options;
    const secret = await token();
    this.#client = new InfluxDB({
      url,
      ...(secret !== '' && { token: secret }),
      ...(ca !== undefined && { transportOptions: { ca } }),
    });
    return this.#client;
  }

  #answerOf(error: unknown): Answer {
    const reason = reasonOf(error);
    if (!(error instanceof HttpError)) return { result: 'later', reason };
    const { statusCode } = error;
    if (statusCode === TOO_LARGE) return { result: 'too_large' };
    if (REFUSED.has(statusCode)) return { result: 'refused', reason };
    // A token can be given back its rights, or its file another: a bucket that is not there can be made.
    if (statusCode === 401 || statusCode === 403) this.#client = undefined;
    const retryAfterMs = parseRetryAfter(error.headers?.['retry-after']);
    return { result: 'later', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
}

/** Seconds, or a date (RFC 9110); undefined for what is neither. The client itself takes seconds for milliseconds. */
export function parseRetryAfter(value: string | string[] | undefined, nowMs = Date.now()): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function reasonOf(error: unknown): string {
  if (error instanceof HttpError) {
    const { message } = (error.json ?? {}) as { message?: unknown };
    const said = typeof message === 'string' ? message : (error.body ?? error.statusMessage ?? '');
    return `${error.statusCode} ${said}`.trim().slice(0, MAX_REASON);
  }
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined ? `${code} ${message}` : String(message)).slice(0, MAX_REASON);
}
