import { Redis } from 'ioredis';
import { SondeError } from '../../wire/errors.js';
import type { RedisScript } from './redis-scripts.js';

export interface RedisLinkOptions {
  /** `redis://HOST:PORT/DB`, or `rediss://` for TLS. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** For `rediss://`: PEM of who signed the server's certificate (default: the system's), and of what we show. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** How long Redis may say nothing while a command waits (default 5000). */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 5000;
/** For the other side to end the connection, too, when nothing is under way any more. */
const DISCONNECT_TIMEOUT_MS = 200;
/** Nothing is heard of Redis while a large command is on its way there: a link slower than this is taken for dead. */
const MIN_SENT_BYTES_PER_MS = 1000;

/** A connection to Redis that is tried for ever. Nothing waits for it: while it is away, commands reject at once. */
export class RedisLink {
  /** Times that an established connection was lost. */
  lost = 0;
  /** Commands that were given up because Redis said nothing. */
  timeouts = 0;
  /** Since when there is no connection (ms since 1970); undefined while there is one. */
  awaySinceMs: number | undefined = Date.now();
  readonly #redis: Redis;
  readonly #where: string;
  readonly #timeoutMs: number;
  #problem: string | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(options: RedisLinkOptions) {
    const { hostname, port } = new URL(options.url);
    this.#where = `Redis at ${hostname}:${port === '' ? 6379 : port}`;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#redis = newRedisClient(options, this.#timeoutMs);
    // The handler must be there, or Node takes the event for an error that nobody handles.
    this.#redis.on('error', (error) => (this.#problem = error.message));
    this.#redis.on('ready', () => {
      this.#problem = undefined;
      this.awaySinceMs = undefined;
      this.#redis.once('close', () => {
        this.lost += 1;
        this.awaySinceMs = Date.now();
      });
    });
  }

  /** Begins to connect. Resolves when connected, or when the first try has failed: it goes on trying. */
  async start(): Promise<void> {
    await this.#redis.connect().catch((error: unknown) => (this.#problem ??= String(error)));
  }

  /** Whether commands can be sent at this moment. */
  get connected(): boolean {
    return this.#redis.status === 'ready';
  }

  /** Why it is not connected; undefined when it is. */
  get problem(): string | undefined {
    return this.connected ? undefined : (this.#problem ?? 'the connection was lost');
  }

  /**
   * Runs one command or transaction. Rejects with a SondeError when Redis is away (`NETWORK`, `TIMEOUT`) or says no
   * (`STORE_REFUSED`). ioredis sends nothing twice by itself, but what was sent may have been done all the same.
   * @param what for messages: `read the state of partition 3`.
   * @param bytes how much has to be sent.
   */
  async call<T>(what: string, bytes: number, work: (redis: Redis) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined)
      throw new SondeError('CLOSED', `cannot ${what}: ${this.#where} is closed`, { stage: 'state' });
    let hasGivenUp = false;
    let heard = this.#bytesHeard();
    const watch = setInterval(
      () => {
        const now = this.#bytesHeard();
        if (now === heard) {
          hasGivenUp = true;
          // Without the connection: what is sent later must not wait behind this, in this process's memory.
          this.#redis.stream.destroy();
        }
        heard = now;
      },
      this.#timeoutMs + bytes / MIN_SENT_BYTES_PER_MS,
    );
    const answer = work(this.#redis);
    this.#underWay.add(answer);
    try {
      return await answer;
    } catch (error) {
      if (hasGivenUp) this.timeouts += 1;
      throw this.#explain(what, error, hasGivenUp);
    } finally {
      clearInterval(watch);
      this.#underWay.delete(answer);
    }
  }

  /** Runs a script by its hash, which spares its text each time; Redis forgets scripts when it is started anew. */
  async run(
    what: string,
    { lua, sha }: RedisScript,
    keys: readonly string[],
    args: readonly (string | Uint8Array)[],
  ): Promise<unknown> {
    const operands = [keys.length, ...keys, ...args.map(asOperand)];
    const bytes = args.reduce((sum, { length }) => sum + length, 0);
    return this.call(what, bytes, (redis) =>
      redis.call('EVALSHA', [sha, ...operands]).catch((error: unknown) => {
        if (!String(error).includes('NOSCRIPT')) throw error;
        return redis.call('EVAL', [lua, ...operands]);
      }),
    );
  }

  /** Waits for what is under way. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => {
      if (this.#redis.status !== 'end') this.#redis.disconnect();
    });
    return this.#closing;
  }

  #bytesHeard(): number {
    return this.connected ? this.#redis.stream.bytesRead : 0;
  }

  #explain(what: string, error: unknown, hasGivenUp: boolean): SondeError {
    const options = { stage: 'state', cause: error } as const;
    const message = error instanceof Error ? error.message : String(error);
    if (hasGivenUp) {
      return new SondeError('TIMEOUT', `cannot ${what}: ${this.#where} says nothing; connecting again`, options);
    }
    if (error instanceof Error && error.name === 'ReplyError') {
      const hint = message.startsWith('OOM') ? ' Give it a larger maxmemory.' : '';
      return new SondeError('STORE_REFUSED', `cannot ${what}: ${this.#where} answers: ${message}${hint}`, options);
    }
    const why = this.problem ?? message;
    return new SondeError('NETWORK', `cannot ${what}: ${this.#where} is away (${why}); connecting again`, options);
  }
}

/**
 * A client that has yet to connect, and then tries for ever. What cannot be sent rejects, as does what has no answer when the
 * connection is lost, or after `commandTimeoutMs` (default: never).
 */
export function newRedisClient(
  { url, user, password, tls }: RedisLinkOptions,
  timeoutMs: number,
  commandTimeoutMs?: number,
): Redis {
  return new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // Reject what cannot be sent or whose connection is lost, and never send it again: the caller knows better.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // After a failover of Redis the old address may lead to a replica.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    connectionName: 'sonde',
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
  });
}

function asOperand(value: string | Uint8Array): string | Buffer {
  if (typeof value === 'string') return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
