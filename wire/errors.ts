/**
 * Errors of Sonde. Callers branch on `code`, retry on `retryable`; `stage` says where in the way of the data it happened.
 * The table below is the whole catalogue (`README.md` of this folder lists it, a test keeps the two together).
 */

interface CodeFacts {
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly meaning: string;
}

export const ERROR_CODES = {
  CONFIG: {
    retryable: false,
    meaning: 'a config, or the folder of configs, is wrong; the message lists every problem',
  },
  OBJECT_MISMATCH: {
    retryable: false,
    meaning: 'a config names a map or program that its object does not have, or that cannot serve it',
  },
  LAYOUT: { retryable: false, meaning: 'labels do not fit the key or record that the object declares' },
  FRAME_MALFORMED: {
    retryable: false,
    meaning: 'bytes that are no frame, or a body that contradicts itself or its Manifest',
  },
  FRAME_VERSION: { retryable: false, meaning: 'a frame of a major version that is not known' },
  FRAME_UNKNOWN_MAP: { retryable: false, meaning: 'rows of a map that no Manifest named' },
  FRAME_NO_MANIFEST: {
    retryable: false,
    meaning: 'a frame of a session whose Manifest has not come: it comes again with the next keyframe',
  },
  FRAME_LATE: { retryable: false, meaning: 'a frame of a session that a newer one of its host has followed' },
  FRAME_LIMIT: {
    retryable: false,
    meaning: 'a frame that asks for more hosts, metrics or rows than there can be in good faith',
  },
  METRIC_CONFLICT: { retryable: false, meaning: 'two metrics of one name that are not the same' },
  SELECTOR: {
    retryable: false,
    meaning: 'a selector of series (`match[]`) that cannot be read; the message says where',
  },
  KERNEL: { retryable: false, meaning: 'the kernel or libbpf refused a call' },
  KERNEL_BUSY: { retryable: true, meaning: 'the kernel could not serve a call now (EAGAIN, EBUSY, EINTR, ENOMEM)' },
  PRIVILEGE: {
    retryable: false,
    meaning: 'this process may not do that, or no longer; the message names what it lacks',
  },
  FILE: { retryable: false, meaning: 'a file or folder is missing, not permitted or of the wrong kind' },
  ADDRESS: { retryable: false, meaning: 'an address to listen on is in use, not there or not permitted' },
  NETWORK: { retryable: true, meaning: 'a connection was refused, reset or timed out' },
  RESOURCES: { retryable: true, meaning: 'the system is out of files, memory or disk for the moment' },
  KAFKA_AWAY: { retryable: true, meaning: 'no broker answers, or too few replicas are in sync' },
  KAFKA_AUTH: { retryable: false, meaning: 'the brokers refuse TLS, the login, or what this user may do' },
  KAFKA_TOPIC: { retryable: false, meaning: 'a topic is missing, or not as it has to be' },
  KAFKA_REFUSED: { retryable: false, meaning: 'the brokers refuse a request' },
  RECORD_TOO_LARGE: { retryable: false, meaning: 'a record, or a batch of them, is larger than the bus takes' },
  STORE_REFUSED: {
    retryable: true,
    meaning: 'the store of state answers, but not as wanted: it is out of memory, read-only, still loading',
  },
  STATE_FORMAT: { retryable: false, meaning: 'state that a newer Sonde has stored' },
  STATE_PARTITIONS: {
    retryable: false,
    meaning: 'the topic has another number of partitions than its state was stored for',
  },
  CLOSED: { retryable: false, meaning: 'a call to something that has been closed' },
  ABORTED: { retryable: false, meaning: 'the caller gave the work up' },
  TIMEOUT: { retryable: true, meaning: 'no answer within the time allowed' },
  INTERNAL: { retryable: false, meaning: 'a fault of the program itself' },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Where it happened: `unknown` when a thrown value does not say. */
export type Stage =
  'config' | 'load' | 'attach' | 'read' | 'publish' | 'consume' | 'decode' | 'state' | 'output' | 'serve' | 'unknown';

export interface SondeErrorOptions {
  readonly stage?: Stage;
  readonly cause?: unknown;
}

export class SondeError extends Error {
  override readonly name: string = 'SondeError';
  readonly code: ErrorCode;
  readonly stage: Stage;

  /** @param message what happened, to what, and what to do. */
  constructor(code: ErrorCode, message: string, options: SondeErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.stage = options.stage ?? 'unknown';
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** One thing wrong with a config. `line` and `column` count from 1; 0 when the problem has no place in the text. */
export interface ConfigProblem {
  readonly file: string;
  /** Such as `metrics.counters[0].labels[1].size`; '' for the file as a whole. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong. */
  readonly message: string;
  /** What to do. */
  readonly hint?: string;
  /** More lines, such as two layouts beside each other. */
  readonly detail?: string;
}

/** One line: `file:line:column: path: what; what to do`, then the detail, indented. What is not known is left out. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.hint === undefined ? '' : `; ${problem.hint}`;
  const detail = problem.detail ? `\n${problem.detail}`.replaceAll('\n', '\n    ') : '';
  return `${place}: ${path}${problem.message}${hint}${detail}`;
}

/** Everything that is wrong with one config or a folder of them, listed at once. */
export class ConfigError extends SondeError {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options: SondeErrorOptions = {}) {
    super('CONFIG', problems.map(formatProblem).join('\n'), { stage: 'config', ...options });
    this.problems = problems;
  }
}

const ERRNO_CODES: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ...(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'EEXIST', 'EROFS', 'ELOOP'] as const).map(
    (errno) => [errno, 'FILE'] as const,
  ),
  ...(['EADDRINUSE', 'EADDRNOTAVAIL'] as const).map((errno) => [errno, 'ADDRESS'] as const),
  ...(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'] as const).map(
    (errno) => [errno, 'NETWORK'] as const,
  ),
  ...(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT'] as const).map((errno) => [errno, 'RESOURCES'] as const),
  ['ETIMEDOUT', 'TIMEOUT'],
]);
const KERNEL_BUSY_ERRNOS: ReadonlySet<string> = new Set(['EAGAIN', 'EBUSY', 'EINTR', 'ENOMEM', 'BUSY']);
/** Deeper chains of causes are not followed: `cause` may be a cycle. */
const MAX_CAUSES = 10;

/**
 * Makes a SondeError of any thrown value: one of ours stays itself (also when it is only the cause of a foreign error's
 * wrapper); system, native and abort errors are told by their codes; anything else is `INTERNAL`. Never throws.
 */
export function classifyError(thrown: unknown, stage: Stage = 'unknown'): SondeError {
  if (thrown instanceof SondeError) return thrown;
  for (const candidate of causeChain(thrown)) {
    if (candidate instanceof SondeError) {
      return new SondeError(candidate.code, messageOf(thrown), { stage: candidate.stage, cause: thrown });
    }
    const code = codeOf(candidate);
    if (code !== null) return new SondeError(code, messageOf(thrown), { stage, cause: thrown });
  }
  return new SondeError('INTERNAL', messageOf(thrown), { stage, cause: thrown });
}

function* causeChain(thrown: unknown): Generator<unknown> {
  const pending: unknown[] = [thrown];
  for (let seen = 0; pending.length > 0 && seen < MAX_CAUSES; seen++) {
    const current = pending.shift();
    yield current;
    if (!(current instanceof Error)) continue;
    if (current instanceof AggregateError) pending.push(...(current.errors as unknown[]).slice(0, MAX_CAUSES));
    if (current.cause !== undefined) pending.push(current.cause);
  }
}

function codeOf(thrown: unknown): ErrorCode | null {
  if (!(thrown instanceof Error)) return null;
  if (thrown.name === 'AbortError') return 'ABORTED';
  if (thrown.name === 'TimeoutError') return 'TIMEOUT';
  if (!('code' in thrown) || typeof thrown.code !== 'string') return null;
  if (thrown.name === 'NativeError') return nativeCode(thrown.code);
  return ERRNO_CODES.get(thrown.code) ?? null;
}

function nativeCode(code: string): ErrorCode {
  if (code === 'CLOSED') return 'CLOSED';
  return KERNEL_BUSY_ERRNOS.has(code) ? 'KERNEL_BUSY' : 'KERNEL';
}

/** A thrown value's text, whatever it is. */
function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    // An object whose toString throws, or that has none: nothing to be said about it.
    return 'a value that has no text was thrown';
  }
}
