import { SondeError, type ErrorCode, type Stage } from '../errors.js';

/** What was being done, for the words of an error. */
export interface KafkaContext {
  readonly stage: Stage;
  readonly brokers: readonly string[];
  readonly topic?: string;
}

const MAX_CAUSES = 10;
const AWAY_NAMES: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSLockTimeout',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
]);
const TLS_CODES = /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/;
const TOO_LARGE: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/** A SondeError of whatever kafkajs throws: what happened, to what, what to do. Never has a password in it. */
export function kafkaError(thrown: unknown, context: KafkaContext): SondeError {
  const chain = causes(thrown);
  const ours = chain.find((error): error is SondeError => error instanceof SondeError);
  if (ours !== undefined) return ours;
  const make = (code: ErrorCode, message: string): SondeError =>
    new SondeError(code, `kafka ${context.brokers.join(',')}: ${message}`, { stage: context.stage, cause: thrown });
  for (const error of chain) {
    const found = classify(error, context);
    if (found !== undefined) return make(...found);
  }
  const last = chain.at(-1);
  if (last?.name.startsWith('KafkaJS') === true) return make('KAFKA_REFUSED', sentence(last));
  return make('INTERNAL', last?.message ?? 'something that is no error was thrown');
}

function classify(error: Error, context: KafkaContext): [ErrorCode, string] | undefined {
  const { type, code, retriable } = error as { type?: unknown; code?: unknown; retriable?: unknown };
  const topic = context.topic ?? 'the topic';
  if (error.name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED') {
    return ['KAFKA_AUTH', `the login was refused (${sentence(error)}); check user, password and mechanism`];
  }
  if (type === 'UNSUPPORTED_SASL_MECHANISM' || type === 'ILLEGAL_SASL_STATE') {
    return ['KAFKA_AUTH', `the login was refused (${sentence(error)}); check the mechanism that this listener takes`];
  }
  if (typeof type === 'string' && type.endsWith('AUTHORIZATION_FAILED')) {
    return ['KAFKA_AUTH', `not permitted (${sentence(error)}); this user needs an ACL for ${topic}`];
  }
  if (typeof code === 'string' && TLS_CODES.test(code)) {
    return ['KAFKA_AUTH', `no TLS with it (${code}: ${error.message}); check CA, certificate and whether it takes TLS`];
  }
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return ['KAFKA_TOPIC', `there is no topic ${topic}; run \`sonde topics create\``];
  }
  if (typeof type === 'string' && TOO_LARGE.has(type)) {
    return ['RECORD_TOO_LARGE', `${topic} does not take a batch of this size; raise its max.message.bytes`];
  }
  if (AWAY_NAMES.has(error.name) || (retriable === true && typeof type === 'string')) {
    return ['KAFKA_AWAY', `${sentence(error)}; will be tried again`];
  }
  return undefined;
}

/** An error with its causes, outermost first; of several errors at once the first. */
function causes(thrown: unknown): Error[] {
  const chain: Error[] = [];
  let current = thrown;
  while (current instanceof Error && chain.length < MAX_CAUSES && !chain.includes(current)) {
    chain.push(current);
    const { errors } = current as { errors?: unknown };
    current = Array.isArray(errors) ? errors[0] : current.cause;
  }
  return chain;
}

function sentence(error: Error): string {
  const { topic } = error as { topic?: unknown };
  return `${typeof topic === 'string' ? `${topic}: ` : ''}${error.message.replace(/\.$/, '')}`;
}
