import type { BusRecord, Publisher } from '../bus.js';
import { SondeError, type ErrorCode } from '../errors.js';
import { Breaker } from './breaker.js';
import type { KafkaOptions } from './client.js';
import type { Compression } from './codecs.js';
import { ProducerLink } from './producer-link.js';
import { settledWithin } from './settled-within.js';
import { SendQueue, waitingBytes, type PendingPublish } from './send-queue.js';

export interface KafkaPublisherOptions {
  readonly kafka: KafkaOptions;
  readonly topic: string;
  /** Default `lz4`. */
  readonly compression?: Compression;
  /** Of the values of one send, before compression, and so of one record; default 900 KiB. */
  readonly maxSendBytes?: number;
  /** Of all that waits to be acknowledged; default 32 MiB. */
  readonly maxWaitingBytes?: number;
  /** For one send with its retries, and for connecting; default 15,000. Closing waits no longer than 5,000. */
  readonly sendTimeoutMs?: number;
  /** 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Totals since the start. */
export interface PublisherStats {
  /** Acknowledged. */
  readonly records: number;
  /** Acknowledged, before compression. */
  readonly bytes: number;
  readonly sends: number;
  /** Sends and attempts to connect that failed. */
  readonly failures: number;
  /** Publishes that were refused because the brokers were known to be away, or too much was waiting. */
  readonly refused: number;
}

const MAX_SEND_BYTES = 900 * 1024;
const MAX_SEND_RECORDS = 512;
const MAX_WAITING_BYTES = 32 * 2 ** 20;
const SEND_TIMEOUT_MS = 15_000;
const CLOSE_TIMEOUT_MS = 5000;
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 15_000;
/** What a broker's limit of less is tried down to, by halves. */
const MIN_SEND_BYTES = 16 * 1024;

/**
 * Publishes to a topic: a key's records always to the same partition and in order, one send at a time. When a send fails,
 * everything that waits rejects, so that nothing overtakes what its caller sends again; then publishes reject at once until
 * a probe gets through.
 */
export class KafkaPublisher implements Publisher {
  readonly #options: KafkaPublisherOptions;
  readonly #queue = new SendQueue();
  readonly #breaker: Breaker;
  readonly #stats = { records: 0, bytes: 0, sends: 0, failures: 0, refused: 0 };
  #maxSendBytes: number;
  #link: ProducerLink | undefined;
  #linked: Promise<ProducerLink> | undefined;
  #partitionCount: number | undefined;
  #draining: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: KafkaPublisherOptions) {
    this.#options = options;
    this.#maxSendBytes = options.maxSendBytes ?? MAX_SEND_BYTES;
    this.#breaker = new Breaker({
      minPauseMs: MIN_PAUSE_MS,
      maxPauseMs: MAX_PAUSE_MS,
      now: () => performance.now(),
      random: options.random ?? Math.random,
    });
  }

  /**
   * Connects. Rejects with `KAFKA_AWAY`, `KAFKA_AUTH` or `KAFKA_TOPIC`; publishing may go on all the same, and connects when
   * it can.
   */
  start(): Promise<void> {
    return this.#connected().then(
      () => this.#succeeded(),
      (error: unknown) => {
        this.#failed(error as SondeError);
        throw error;
      },
    );
  }

  get stats(): PublisherStats {
    return this.#stats;
  }

  /** Of the topic; undefined until connected for the first time. */
  get partitionCount(): number | undefined {
    return this.#partitionCount;
  }

  /** Why nothing gets through at present, undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#breaker.lastError;
  }

  /** Bytes that wait to be acknowledged, before compression. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /**
   * As {@link Publisher.publish}. Rejects with `RECORD_TOO_LARGE`, nothing of it sent; `RESOURCES` when too much is waiting;
   * `KAFKA_AWAY` and the like when the brokers do not take it, or did not a moment ago.
   */
  publish(records: readonly BusRecord[]): Promise<void> {
    const refusal = this.#refusal(records);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const publish: PendingPublish = { records, resolve, reject };
      this.#queue.push(publish);
      this.#draining ??= this.#drain();
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #refusal(records: readonly BusRecord[]): Error | undefined {
    const { maxSendBytes = MAX_SEND_BYTES, maxWaitingBytes = MAX_WAITING_BYTES } = this.#options;
    if (this.#closed !== undefined) return publishError('CLOSED', 'publish after close');
    const largest = Math.max(0, ...records.map(({ value }) => value.byteLength));
    if (largest > maxSendBytes) {
      return publishError('RECORD_TOO_LARGE', `a record of ${largest} bytes; ${maxSendBytes} are allowed: split it`);
    }
    if (records.length === 0) return undefined;
    const bytes = records.reduce((sum, record) => sum + waitingBytes(record), this.#queue.bytes);
    if (bytes > maxWaitingBytes && this.#queue.bytes > 0) {
      this.#stats.refused++;
      return publishError('RESOURCES', `${this.#queue.bytes} bytes wait to be acknowledged already`);
    }
    if (this.#breaker.tryPass()) return undefined;
    this.#stats.refused++;
    return this.#breaker.lastError ?? publishError('KAFKA_AWAY', 'the brokers are away');
  }

  async #drain(): Promise<void> {
    while (!this.#queue.isEmpty) {
      try {
        const link = await this.#connected();
        await this.#send(link);
        this.#succeeded();
      } catch (error) {
        this.#failed(error as SondeError);
      }
    }
    // Here and not when the promise resolves: who publishes in between would find a drain that has ended.
    this.#draining = undefined;
  }

  async #send(link: ProducerLink): Promise<void> {
    const limits = { maxBytes: this.#maxSendBytes, maxRecords: MAX_SEND_RECORDS };
    const send = this.#queue.take(link.partitionCount, limits);
    try {
      await link.send(send.partition, send.records);
    } catch (error) {
      if (!(error instanceof SondeError) || error.code !== 'RECORD_TOO_LARGE') throw error;
      this.#tooLarge(send.records.length, error);
      return;
    }
    this.#stats.sends++;
    this.#stats.records += send.records.length;
    this.#stats.bytes += send.bytes;
    this.#queue.done();
  }

  /** The topic takes less than it should: several records are tried in smaller sends, a single one is refused. */
  #tooLarge(recordCount: number, error: SondeError): void {
    this.#stats.failures++;
    if (recordCount === 1 || this.#maxSendBytes <= MIN_SEND_BYTES) {
      this.#queue.fail(error);
      return;
    }
    this.#maxSendBytes = Math.max(MIN_SEND_BYTES, Math.floor(this.#maxSendBytes / 2));
    this.#options.kafka.log.warn({ maxSendBytes: this.#maxSendBytes }, `${error.message}; sending less at once`);
    this.#queue.putBack();
  }

  #succeeded(): void {
    const { kafka, topic } = this.#options;
    if (this.#breaker.lastError !== undefined) kafka.log.info({ topic }, 'publishing to Kafka again');
    this.#breaker.succeeded();
  }

  #failed(error: SondeError): void {
    const { log } = this.#options.kafka;
    this.#stats.failures++;
    if (this.#breaker.lastError?.message !== error.message) log.warn({}, `cannot publish: ${error.message}`);
    this.#breaker.failed(error);
    this.#link?.abandon();
    this.#link = undefined;
    this.#linked = undefined;
    this.#queue.failAll(error);
  }

  #connected(): Promise<ProducerLink> {
    this.#linked ??= this.#connect();
    return this.#linked;
  }

  async #connect(): Promise<ProducerLink> {
    const { compression = 'lz4', kafka, sendTimeoutMs = SEND_TIMEOUT_MS, topic } = this.#options;
    const link = new ProducerLink({ kafka, topic, compression, sendTimeoutMs });
    this.#link = link;
    await link.connect();
    const { partitionCount } = link;
    if (this.#partitionCount !== undefined && this.#partitionCount !== partitionCount) {
      kafka.log.warn(
        { before: this.#partitionCount, now: partitionCount },
        `${topic} has other partitions than before`,
      );
    }
    this.#partitionCount = partitionCount;
    kafka.log.info({ topic, partitions: partitionCount }, 'connected to Kafka for publishing');
    return link;
  }

  async #close(): Promise<void> {
    if (!(await settledWithin(Promise.resolve(this.#draining), CLOSE_TIMEOUT_MS))) this.#link?.abandon();
    await this.#draining;
    await this.#link?.close(1000);
    this.#link = undefined;
  }
}

function publishError(code: ErrorCode, message: string): SondeError {
  return new SondeError(code, `kafka publisher: ${message}`, { stage: 'publish' });
}
