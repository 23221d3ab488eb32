import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { ISocketFactory, Kafka, KafkaConfig, logCreator } from 'kafkajs';
import { loadKafkaJs } from './kafkajs.js';

/** What is needed of a pino logger. */
export interface KafkaLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** PEM texts. An empty object: TLS with the system's authorities and no certificate of our own. */
export interface KafkaTls {
  /** Authorities that the brokers' certificates are checked by, instead of the system's. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

export interface KafkaSasl {
  /** `plain` sends the password as it is: over TLS only. */
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaOptions {
  /** `host:port` of some brokers; they name the others. */
  readonly brokers: readonly string[];
  /** How this process is called in the brokers' logs and quotas. */
  readonly clientId: string;
  /** No TLS when absent. */
  readonly tls?: KafkaTls;
  /** No login when absent. */
  readonly sasl?: KafkaSasl;
  /** Default 3,000. */
  readonly connectTimeoutMs?: number;
  /** For one answer of a broker; default 10,000. */
  readonly requestTimeoutMs?: number;
  readonly log: KafkaLog;
}

const CONNECT_TIMEOUT_MS = 3000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;
/** Few and short, 3.5 s in all: whoever calls tries again by itself, and knows better whether it is still worth it. */
const RETRY = { retries: 5, initialRetryTime: 100, maxRetryTime: 1000, multiplier: 2 } as const;

/**
 * One kafkajs client and its sockets. kafkajs goes on trying after its caller has given up; `abandon` ends that, so that
 * nothing of it reaches a broker any more.
 */
export class KafkaClient {
  readonly kafka: Kafka;
  readonly #sockets = new Set<Socket>();
  #isAbandoned = false;

  constructor(options: KafkaOptions) {
    const { Kafka, logLevel } = loadKafkaJs();
    this.kafka = new Kafka({
      brokers: [...options.brokers],
      clientId: options.clientId,
      connectionTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      retry: RETRY,
      logLevel: logLevel.INFO,
      logCreator: debugLog(options.log),
      socketFactory: (request) => this.#open(request),
      ...(options.tls && { ssl: tlsOptions(options.tls) }),
      ...(options.sasl && { sasl: options.sasl as KafkaConfig['sasl'] & object }),
    });
  }

  /** Closes all connections at once and refuses new ones. Idempotent. */
  abandon(): void {
    this.#isAbandoned = true;
    for (const socket of this.#sockets) socket.destroy(new Error('the client was given up'));
  }

  #open({ host, port, ssl, onConnect }: Parameters<ISocketFactory>[0]): Socket {
    const socket = this.#isAbandoned ? new Socket() : connectSocket(host, port, ssl, onConnect);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // After the caller has put its listeners on.
    if (this.#isAbandoned) setImmediate(() => socket.destroy(new Error('the client was given up')));
    return socket;
  }
}

function connectSocket(host: string, port: number, ssl: ConnectionOptions, onConnect: () => void): Socket {
  // kafkajs hands on null for no TLS, which its types do not say.
  const isTls = (ssl as ConnectionOptions | null) !== null;
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = isTls ? connectTls({ host, port, ...name, ...ssl }, onConnect) : connectTcp({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  return socket;
}

function tlsOptions(tls: KafkaTls): ConnectionOptions {
  return {
    ...(tls.ca !== undefined && { ca: [tls.ca] }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
  };
}

/** Of what kafkajs says beside its message; what it sends and receives is not among it. */
const LOGGED_FIELDS = ['broker', 'groupId', 'memberId', 'topic', 'partition', 'retryCount', 'retryTime'] as const;

/** For debugging only: kafkajs logs each attempt of what it tries again as an error. Ours say what came of it. */
function debugLog(log: KafkaLog): logCreator {
  return () =>
    ({ namespace, log: entry }) => {
      const fields = LOGGED_FIELDS.filter((name) => entry[name] !== undefined).map(
        (name) => [name, entry[name]] as const,
      );
      log.debug(Object.fromEntries(fields), `kafkajs ${namespace}: ${entry.message}`);
    };
}
