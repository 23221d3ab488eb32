import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DiskLog, FolderInUseError, type LogEntry } from '../../../lib/disk-log/disk-log.js';
import type { Logger } from '../../../lib/log.js';
import { SondeError } from '../../../wire/errors.js';
import type { DeadLetter, DurableQueue, QueueStats, TakenBatch } from './durable-queue.js';
import { LetterFolder } from './letter-folder.js';
import type { Batch } from './point-buffer.js';

export interface DiskQueueOptions {
  readonly folder: string;
  /** Of batches that wait. */
  readonly maxBytes: number;
  /** Of dead letters. */
  readonly maxDeadBytes: number;
  readonly log: Logger;
}

/** The segments of the log are a small part of what may wait: the oldest goes as a whole. */
const SEGMENTS = 16;
const MAX_SEGMENT_BYTES = 4 * 2 ** 20;
/** What an entry takes beside its lines, at most. */
const ENTRY_BYTES = 64;

/** Keeps batches in a {@link DiskLog}, for one process, and dead letters in a folder beside it. */
export class DiskQueue implements DurableQueue {
  readonly #options: DiskQueueOptions;
  readonly #log: DiskLog;
  readonly #letters: LetterFolder;
  readonly #buried = new Map<string, number>();
  readonly #lost = new Map<string, number>();
  /** Adding and taking, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** The batch that is taken; what is said of an earlier one has no effect. */
  #taken: symbol | undefined;

  constructor(options: DiskQueueOptions) {
    this.#options = options;
    const { folder, log, maxBytes } = options;
    this.#log = new DiskLog({
      folder: join(folder, 'waiting'),
      maxBytes,
      segmentBytes: Math.min(MAX_SEGMENT_BYTES, Math.floor(maxBytes / SEGMENTS)),
      onLost: ({ reason, weight }) => this.#lose(`queue_${reason}`, weight),
      onError: (error) => log.warn({ folder }, `queue of InfluxDB: ${String(error)}`),
    });
    this.#letters = new LetterFolder(join(folder, 'dead'), options.maxDeadBytes, (points) =>
      this.#lose('dead_letters_full', points),
    );
  }

  /** Throws a SondeError `FILE` when another process uses the folder, or the file system refuses it. */
  async start(): Promise<void> {
    const { folder } = this.#options;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      await this.#log.start();
      await this.#letters.start();
    } catch (error) {
      const hint = error instanceof FolderInUseError ? '' : ': give another --influx.queue.dir';
      throw new SondeError('FILE', `queue of InfluxDB in ${folder}: ${(error as Error).message}${hint}`, {
        stage: 'output',
        cause: error,
      });
    }
  }

  add({ lines, points }: Batch): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makeRoom(lines.length + ENTRY_BYTES);
      const error = this.#log.append([{ bytes: lines, weight: points }]);
      if (error !== undefined) throw error;
    });
  }

  take(): Promise<TakenBatch | undefined> {
    return this.#inTurn(() => this.#take());
  }

  #take(): TakenBatch | undefined {
    const entry = this.#read();
    if (entry === undefined) return undefined;
    const token = Symbol('taken');
    this.#taken = token;
    return {
      batch: { lines: entry.bytes, points: entry.weight },
      done: (dead) => this.#inTurn(() => this.#done(token, dead)),
      giveBack: () => {
        if (this.#taken === token) this.#giveBack();
        return Promise.resolve();
      },
    };
  }

  async bury(letter: DeadLetter): Promise<void> {
    await this.#letters.add(letter, Date.now());
    this.#countBuried(letter);
  }

  stats(): QueueStats {
    const { weight, bytes } = this.#log.waiting;
    return { waiting: { points: weight, bytes }, dead: this.#letters.size, buried: this.#buried, lost: this.#lost };
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#log.close();
  }

  async #done(token: symbol, dead: readonly DeadLetter[]): Promise<boolean> {
    if (this.#taken !== token) return false;
    for (const letter of dead) await this.#letters.add(letter, Date.now());
    this.#taken = undefined;
    this.#log.acknowledge();
    // At one with leaving the queue: whoever reads the numbers meanwhile finds each point once.
    for (const letter of dead) this.#countBuried(letter);
    return true;
  }

  #countBuried({ reason, points }: DeadLetter): void {
    add(this.#buried, reason.split(' ')[0]!, points);
  }

  #inTurn<T>(work: () => Promise<T> | T): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Buries the oldest batches until another fits. The one that is taken is the oldest: whoever has it writes it in vain. */
  async #makeRoom(bytes: number): Promise<void> {
    while (this.#log.waiting.bytes + bytes > this.#options.maxBytes && !this.#log.isEmpty) {
      if (this.#taken !== undefined) this.#giveBack();
      const oldest = this.#read();
      if (oldest === undefined) return;
      try {
        await this.bury({ lines: oldest.bytes, points: oldest.weight, reason: 'queue_full' });
      } catch (error) {
        // It waits on: a disk that has no room for letters must not keep it from being written.
        this.#log.giveBack();
        throw error;
      }
      this.#log.acknowledge();
    }
  }

  #giveBack(): void {
    this.#taken = undefined;
    this.#log.giveBack();
  }

  #read(): (LogEntry & { bytes: Buffer }) | undefined {
    // One entry: the least that it reads.
    const entry = this.#log.read(1)?.entries[0];
    if (entry === undefined) return undefined;
    return { ...entry, bytes: Buffer.from(entry.bytes) };
  }

  #lose(reason: string, points: number): void {
    add(this.#lost, reason, points);
    this.#options.log.warn({ points, reason }, 'points for InfluxDB are lost');
  }
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
