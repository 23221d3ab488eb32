import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Queue, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { FolderInUseError, takeLock } from '../../../lib/disk-log/lock-file.js';
import type { Logger } from '../../../lib/log.js';
import { SondeError } from '../../../wire/errors.js';
import { newRedisClient, type RedisLinkOptions } from '../../state/redis-link.js';
import type { DeadLetter, DurableQueue, QueueStats, TakenBatch } from './durable-queue.js';
import { jobId, sizeOf, sum } from './job-id.js';
import { LetterFolder } from './letter-folder.js';
import type { Batch } from './point-buffer.js';

export interface RedisQueueOptions {
  readonly redis: RedisLinkOptions;
  /** Of all keys; aggregators with the same share the queue. */
  readonly prefix: string;
  /** Of what waits, as Redis keeps it (compressed). */
  readonly maxBytes: number;
  /** Batches that wait, whatever their size (default 20,000). */
  readonly maxBatches?: number;
  /** Of dead letters. */
  readonly letterFolder: string;
  readonly maxDeadBytes: number;
  readonly log: Logger;
  /** A command that Redis does not answer for so long has failed (default 5 s). */
  readonly timeoutMs?: number;
  /** A batch comes again when whoever took it has not said a word for so long (default 20 s, twice the longest request). */
  readonly lockMs?: number;
  /** First pause of a batch that was given back; doubles up to a minute (default 1 s). */
  readonly pauseMs?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

const NAME = 'influx';
const MAX_BATCHES = 20_000;
const TIMEOUT_MS = 5000;
const LOCK_MS = 20_000;
const PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** Between two looks at what waits: others add, too. */
const COUNT_EVERY_MS = 5000;
/** For BullMQ to let go of its connections. */
const CLOSE_TIMEOUT_MS = 1000;
/** BullMQ tells of each job in a stream, which nobody reads. */
const MAX_EVENTS = 10;
/** Of a job's states, those in which nobody has it. */
const WAITING = ['wait', 'prioritized', 'delayed'] as const;

const compress = promisify(gzip);
const uncompress = promisify(gunzip);

interface Backlog {
  readonly queue: Queue<string>;
  readonly worker: Worker<string>;
}

/** Keeps batches in Redis, a job of BullMQ each, for all aggregators that share it; dead letters in a folder of this process. */
export class RedisQueue implements DurableQueue {
  readonly #options: RedisQueueOptions;
  readonly #redis: Redis;
  readonly #letters: LetterFolder;
  readonly #token = randomBytes(16).toString('hex');
  /** A batch that is added once more, because no answer came, is the same job. */
  readonly #ids = new WeakMap<Batch, string>();
  readonly #buried = new Map<string, number>();
  readonly #lost = new Map<string, number>();
  readonly #shared = { added: 0, removed: 0 };
  #waiting = { batches: 0, points: 0, bytes: 0 };
  #countedAtMs = -Infinity;
  #backlog: Backlog | undefined;
  /** Adding: no two make room at once. */
  #turn: Promise<unknown> = Promise.resolve();
  #unlock: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RedisQueueOptions) {
    this.#options = options;
    const { timeoutMs = TIMEOUT_MS } = options;
    this.#redis = newRedisClient(options.redis, timeoutMs, timeoutMs);
    this.#redis.on('error', () => undefined);
    this.#letters = new LetterFolder(join(options.letterFolder, 'dead'), options.maxDeadBytes, (points) => {
      add(this.#lost, 'dead_letters_full', points);
      options.log.warn({ points, reason: 'dead_letters_full' }, 'points for InfluxDB are lost');
    });
  }

  /** Redis may be away. Throws a SondeError `FILE` when another process uses the folder, or the file system refuses it. */
  async start(): Promise<void> {
    const { letterFolder } = this.#options;
    try {
      // The lock of a queue on disk there: neither may take the other's folder.
      const waiting = join(letterFolder, 'waiting');
      mkdirSync(waiting, { recursive: true, mode: 0o700 });
      this.#unlock = takeLock(join(waiting, 'lock'));
      await this.#letters.start();
    } catch (error) {
      const hint = error instanceof FolderInUseError ? '' : ': give another --influx.queue.dir';
      const message = `dead letters of InfluxDB in ${letterFolder}: ${(error as Error).message}${hint}`;
      throw new SondeError('FILE', message, { stage: 'output', cause: error });
    }
    await this.#redis.connect().catch(() => undefined);
  }

  add(batch: Batch): Promise<void> {
    const done = this.#turn.then(() => this.#add(batch));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async take(): Promise<TakenBatch | undefined> {
    const { queue, worker } = this.#open();
    if (performance.now() - this.#countedAtMs > COUNT_EVERY_MS) await this.#count(queue);
    const job = await worker.getNextJob(this.#token, { block: false });
    if (job === undefined) return undefined;
    const batch = { lines: await linesOf(job), points: sizeOf(job.id!).points };
    return {
      batch,
      done: (dead) => this.#done(job, batch, dead),
      giveBack: () => this.#giveBack(job),
    };
  }

  async bury(letter: DeadLetter): Promise<void> {
    await this.#letters.add(letter, Date.now());
    this.#countBuried(letter);
  }

  stats(): QueueStats {
    const { points, bytes } = this.#waiting;
    return {
      waiting: { points, bytes },
      shared: this.#shared,
      dead: this.#letters.size,
      buried: this.#buried,
      lost: this.#lost,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#turn;
    if (this.#backlog !== undefined) {
      const { queue, worker } = this.#backlog;
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)));
      await Promise.race([Promise.allSettled([worker.close(true), queue.close()]), timeout]);
      clearTimeout(timer);
    }
    if (this.#redis.status !== 'end') this.#redis.disconnect();
    this.#unlock?.();
  }

  /** BullMQ waits for a connection for ever: it is asked only while there is one. */
  #open(): Backlog {
    if (this.#redis.status !== 'ready') throw new Error('Redis is away');
    return (this.#backlog ??= this.#newBacklog());
  }

  #newBacklog(): Backlog {
    const { prefix, lockMs = LOCK_MS, log } = this.#options;
    const common = { connection: this.#redis, prefix: `${prefix}:bull` };
    const queue = new Queue<string>(NAME, { ...common, streams: { events: { maxLen: MAX_EVENTS } } });
    const worker = new Worker<string>(NAME, undefined, {
      ...common,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      // A batch whose aggregator has died comes again, however often that happens: BullMQ would let it fail.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    // Those of commands reject, too.
    const onError = (error: Error): void => log.debug(`queue of InfluxDB: ${error.message}`);
    queue.on('error', onError);
    worker.on('error', onError);
    void worker.startStalledCheckTimer();
    return { queue, worker };
  }

  async #add(batch: Batch): Promise<void> {
    const { queue } = this.#open();
    const data = (await compress(batch.lines)).toString('base64');
    const id = this.#ids.get(batch) ?? jobId(Date.now(), batch.points, data.length);
    this.#ids.set(batch, id);
    const { bytes } = sizeOf(id);
    await this.#makeRoom(queue, bytes);
    await queue.add(NAME, data, { jobId: id, removeOnComplete: true });
    this.#shared.added += batch.points;
    this.#changeWaiting(1, batch.points, bytes);
  }

  /** Buries the oldest batches that nobody has until another fits. */
  async #makeRoom(queue: Queue<string>, bytes: number): Promise<void> {
    const { maxBytes, maxBatches = MAX_BATCHES } = this.#options;
    const isFull = (): boolean => this.#waiting.bytes + bytes > maxBytes || this.#waiting.batches >= maxBatches;
    if (!isFull() && performance.now() - this.#countedAtMs < COUNT_EVERY_MS) return;
    // By id they are in order of time.
    await this.#count(queue);
    if (!isFull()) return;
    const oldest = (await queue.getRanges([...WAITING], 0, -1)).sort();
    for (const id of oldest) {
      if (!isFull()) return;
      await this.#buryOldest(queue, id);
    }
  }

  async #buryOldest(queue: Queue<string>, id: string): Promise<void> {
    const job = await queue.getJob(id);
    if (job === undefined) return;
    const { points, bytes } = sizeOf(id);
    const letter = { lines: await linesOf(job), points, reason: 'queue_full' };
    const kept = await this.#letters.add(letter, Date.now());
    if ((await queue.remove(id)) === 0) {
      // Another has taken it, or buried it itself.
      await this.#letters.remove(kept);
      return;
    }
    this.#left(points, bytes);
    this.#countBuried(letter);
  }

  async #done(job: Job<string>, { points }: Batch, dead: readonly DeadLetter[]): Promise<boolean> {
    for (const letter of dead) await this.#letters.add(letter, Date.now());
    try {
      await job.moveToCompleted(null, this.#token, false);
    } catch (error) {
      // Its lock has run out, and another has it, or has had it: what is written twice is there once.
      if (/Missing (lock|key)|not in the active state/i.test(String(error))) return false;
      throw error;
    }
    this.#left(points, sizeOf(job.id!).bytes);
    for (const letter of dead) this.#countBuried(letter);
    return true;
  }

  /** It comes again after a pause of its own, others meanwhile. When Redis cannot be told, the lock runs out. */
  async #giveBack(job: Job<string>): Promise<void> {
    const { pauseMs = PAUSE_MS, random = Math.random, log } = this.#options;
    const backoffMs = Math.min(pauseMs * 2 ** Math.max(0, job.attemptsStarted - 1), MAX_PAUSE_MS);
    const untilMs = Date.now() + backoffMs * (0.5 + random() / 2);
    await job.moveToDelayed(Math.ceil(untilMs), this.#token).catch((error: unknown) => {
      log.debug(`queue of InfluxDB: a batch comes again when its lock has run out: ${String(error)}`);
    });
  }

  /** What waits in all, from the ids alone: others add and take, too, and may die while they do. */
  async #count(queue: Queue<string>): Promise<void> {
    // In one script: between two a job could change its state, and be missed.
    const ids = await queue.getRanges([...WAITING, 'active'], 0, -1);
    this.#waiting = sum(ids.map(sizeOf));
    this.#countedAtMs = performance.now();
  }

  #left(points: number, bytes: number): void {
    this.#shared.removed += points;
    this.#changeWaiting(-1, -points, -bytes);
  }

  #changeWaiting(batches: number, points: number, bytes: number): void {
    const { batches: had, points: hadPoints, bytes: hadBytes } = this.#waiting;
    this.#waiting = {
      batches: Math.max(0, had + batches),
      points: Math.max(0, hadPoints + points),
      bytes: Math.max(0, hadBytes + bytes),
    };
  }

  #countBuried({ reason, points }: DeadLetter): void {
    add(this.#buried, reason.split(' ')[0]!, points);
  }
}

async function linesOf({ data }: Job<string>): Promise<Buffer> {
  return uncompress(Buffer.from(data, 'base64'));
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
