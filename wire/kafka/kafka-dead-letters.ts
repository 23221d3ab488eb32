import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadLetter, DeadLetters } from '../bus.js';
import { SondeError } from '../errors.js';
import { pauseMs } from './breaker.js';
import type { KafkaOptions } from './client.js';
import { partitionOf } from './murmur2.js';
import { ProducerLink, type LinkRecord } from './producer-link.js';
import { settledWithin } from './settled-within.js';
import { TOPICS } from './topics.js';

export interface KafkaDeadLettersOptions {
  readonly kafka: KafkaOptions;
  /** Default `sonde.dlq`. */
  readonly topic?: string;
  /** Of letters that wait; beyond it the oldest are lost. Default 8 MiB. */
  readonly maxWaitingBytes?: number;
  /** Letters taken within a second; the others are lost. Default 100. */
  readonly maxPerSecond?: number;
  /** Milliseconds that never step back. */
  readonly now?: () => number;
}

/** Why a letter was lost: too many at once, no room, larger than the topic takes, still waiting at the end. */
export type LetterLoss = 'rate' | 'overflow' | 'too_large' | 'closed';

/** Totals since the start. */
export interface DeadLetterStats {
  /** Acknowledged. */
  readonly sent: number;
  /** Attempts to connect or send that failed. */
  readonly failures: number;
  readonly lost: Readonly<Record<LetterLoss, number>>;
}

const MAX_WAITING_BYTES = 8 * 2 ** 20;
const MAX_PER_SECOND = 100;
const MAX_SEND_BYTES = 900 * 1024;
const SEND_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 3000;
/** What a letter takes beside its record, about. */
const LETTER_BYTES = 512;

interface Waiting extends LinkRecord {
  readonly bytes: number;
}

/**
 * Sends what could not be applied to a topic of its own, unchanged, with host, partition, offset and reason as headers.
 * Connects with the first letter, and tries for as long as letters wait.
 */
export class KafkaDeadLetters implements DeadLetters {
  readonly #options: KafkaDeadLettersOptions;
  readonly #topic: string;
  readonly #now: () => number;
  readonly #stats = { sent: 0, failures: 0, lost: { rate: 0, overflow: 0, too_large: 0, closed: 0 } };
  #waiting: Waiting[] = [];
  #bytes = 0;
  #second = { beginMs: -Infinity, letters: 0 };
  #link: ProducerLink | undefined;
  #flushing: Promise<void> | undefined;
  /** One letter a send, after several at once were too large. */
  #isOneByOne = false;
  #closed: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(options: KafkaDeadLettersOptions) {
    this.#options = options;
    this.#topic = options.topic ?? TOPICS.deadLetters;
    this.#now = options.now ?? (() => performance.now());
  }

  get stats(): DeadLetterStats {
    return this.#stats;
  }

  /** Bytes of letters that wait, about. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  bury(letter: DeadLetter): void {
    if (this.#closed !== undefined) {
      this.#stats.lost.closed++;
      return;
    }
    if (!this.#isWithinRate()) {
      this.#stats.lost.rate++;
      return;
    }
    this.#push(letter);
    this.#flushing ??= this.#flush();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await settledWithin(Promise.resolve(this.#flushing), CLOSE_TIMEOUT_MS);
    this.#closing.abort();
    this.#link?.abandon();
    await this.#flushing;
    this.#stats.lost.closed += this.#waiting.length;
    this.#waiting = [];
    this.#bytes = 0;
  }

  #isWithinRate(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#second.beginMs >= 1000) this.#second = { beginMs: nowMs, letters: 0 };
    this.#second.letters++;
    return this.#second.letters <= (this.#options.maxPerSecond ?? MAX_PER_SECOND);
  }

  #push({ partition, reason, record }: DeadLetter): void {
    // A copy: the record may be a small part of a large fetch, which would be kept with it.
    const value = Uint8Array.from(record.value);
    const bytes = value.length + LETTER_BYTES;
    const headers = { host: record.key, partition: String(partition), offset: record.offset.toString(), reason };
    this.#waiting.push({ key: record.key, value, headers, bytes });
    this.#bytes += bytes;
    while (this.#bytes > (this.#options.maxWaitingBytes ?? MAX_WAITING_BYTES)) {
      this.#drop(1);
      this.#stats.lost.overflow++;
    }
  }

  async #flush(): Promise<void> {
    for (let failures = 0; this.#waiting.length > 0 && !this.#closing.signal.aborted;) {
      try {
        await this.#sendSome();
        failures = 0;
      } catch (error) {
        this.#failed(error as SondeError, failures);
        // Cut short by closing, which ends the loop.
        await sleep(pauseMs(failures++), undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
    // Here and not when the promise resolves: a letter of in between would find a flush that has ended.
    this.#flushing = undefined;
  }

  async #sendSome(): Promise<void> {
    const link = await this.#connected();
    const [first] = this.#waiting;
    if (first === undefined) return;
    const partition = partitionOf(first.key, link.partitionCount);
    const letters = this.#head(partition, link.partitionCount);
    // Taken out first: while they are under way, newer ones may push them out.
    this.#drop(letters.length);
    try {
      await link.send(partition, letters);
      this.#stats.sent += letters.length;
      this.#isOneByOne = false;
    } catch (error) {
      if (error instanceof SondeError && error.code === 'RECORD_TOO_LARGE' && letters.length === 1) {
        this.#stats.lost.too_large++;
        return;
      }
      this.#isOneByOne = error instanceof SondeError && error.code === 'RECORD_TOO_LARGE';
      this.#waiting.unshift(...letters);
      this.#bytes += letters.reduce((sum, { bytes }) => sum + bytes, 0);
      if (!this.#isOneByOne) throw error;
    }
  }

  /** The oldest letters, as many as are of that partition and go into one send. */
  #head(partition: number, partitionCount: number): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((letter, at) => {
      bytes += letter.bytes;
      const isOther = partitionOf(letter.key, partitionCount) !== partition;
      return at > 0 && (isOther || bytes > MAX_SEND_BYTES || this.#isOneByOne);
    });
    return this.#waiting.slice(0, end < 0 ? undefined : end);
  }

  #drop(count: number): void {
    for (const { bytes } of this.#waiting.splice(0, count)) this.#bytes -= bytes;
  }

  #failed(error: SondeError, failures: number): void {
    this.#stats.failures++;
    this.#link?.abandon();
    this.#link = undefined;
    if (failures === 0)
      this.#options.kafka.log.warn({ waiting: this.#waiting.length }, `dead letters: ${error.message}`);
  }

  async #connected(): Promise<ProducerLink> {
    if (this.#link !== undefined) return this.#link;
    const { kafka } = this.#options;
    const link = new ProducerLink({ kafka, topic: this.#topic, compression: 'lz4', sendTimeoutMs: SEND_TIMEOUT_MS });
    this.#link = link;
    await link.connect();
    return link;
  }
}
