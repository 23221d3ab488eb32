import type { Batch } from './point-buffer.js';

/** Points that can never be written, and why. */
export interface DeadLetter extends Batch {
  readonly reason: string;
}

/** A batch of the queue. It stays there until it is done. */
export interface TakenBatch {
  readonly batch: Batch;
  /**
   * It is written, but for `dead`, which are buried: it leaves the queue. False when it has left before, to make room, and is
   * among the dead letters as a whole. Rejects when the letters cannot be kept: it is to be given back then.
   */
  done(dead: readonly DeadLetter[]): Promise<boolean>;
  /** It comes again. */
  giveBack(): Promise<void>;
}

export interface QueueStats {
  /** In all. */
  readonly waiting: { readonly points: number; readonly bytes: number };
  /**
   * Of a queue that others add to and take from, too: points that this process has added, and those that it has brought to
   * their end, since the start. Undefined of one that is this process's own.
   */
  readonly shared?: { readonly added: number; readonly removed: number };
  /** Letters that are kept. */
  readonly dead: { readonly letters: number; readonly bytes: number };
  /** Points that have been buried, by reason; and those of letters that had to go, since the start. */
  readonly buried: ReadonlyMap<string, number>;
  readonly lost: ReadonlyMap<string, number>;
}

/** Where points wait while InfluxDB does not take them, beyond this process's life, and where those are kept that it never will. */
export interface DurableQueue {
  /** Finds what was left behind. */
  start(): Promise<void>;
  /** Resolves when the batch will survive this process. Rejects when it cannot be kept. Where there is no room the oldest is buried. */
  add(batch: Batch): Promise<void>;
  /** A batch that waits; undefined when there is none. One is taken at a time. */
  take(): Promise<TakenBatch | undefined>;
  /** Resolves when the letter is kept. Rejects when it cannot be. Where there is no room the oldest letters go, counted. */
  bury(letter: DeadLetter): Promise<void>;
  stats(): QueueStats;
  /** Idempotent. */
  close(): Promise<void>;
}
