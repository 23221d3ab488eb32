import type { Producer } from 'kafkajs';
import { SondeError } from '../errors.js';
import { useAdmin } from './admin.js';
import { KafkaClient, type KafkaOptions } from './client.js';
import { CODEC, CODECS, type Compression } from './codecs.js';
import { kafkaError, type KafkaContext } from './errors.js';
import { loadKafkaJs } from './kafkajs.js';
import { settledWithin } from './settled-within.js';

export interface LinkOptions {
  readonly kafka: KafkaOptions;
  readonly topic: string;
  readonly compression: Compression;
  /** From giving records to kafkajs until the link is given up. */
  readonly sendTimeoutMs: number;
}

export interface LinkRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One life of a kafkajs producer for one topic. After an error it is of no use any more: `abandon` it and take another. */
export class ProducerLink {
  readonly #options: LinkOptions;
  readonly #client: KafkaClient;
  readonly #producer: Producer;
  readonly #context: KafkaContext;
  #partitionCount = 0;

  constructor(options: LinkOptions) {
    const { Partitioners } = loadKafkaJs();
    this.#options = options;
    this.#client = new KafkaClient(options.kafka);
    this.#context = { stage: 'publish', brokers: options.kafka.brokers, topic: options.topic };
    this.#producer = this.#client.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    const number = CODEC[options.compression];
    if (number !== CODEC.none && !CODECS.has(number)) {
      throw new SondeError('CONFIG', `compression ${options.compression} needs a newer Node.js: choose lz4`);
    }
  }

  /** Of the topic, known once connected. */
  get partitionCount(): number {
    return this.#partitionCount;
  }

  /** Rejects with `KAFKA_AWAY`, `KAFKA_AUTH` or `KAFKA_TOPIC`. */
  connect(): Promise<void> {
    return this.#limited(async () => {
      this.#partitionCount = await this.#countPartitions();
      await this.#producer.connect();
    });
  }

  /**
   * Sends records to one partition, in order, as one batch. Resolves when all in-sync replicas have it. To one partition
   * only: on a retry kafkajs leaves out brokers that have answered, and with them partitions that have moved there.
   */
  send(partition: number, records: readonly LinkRecord[]): Promise<void> {
    const { compression, kafka, topic } = this.#options;
    return this.#limited(async () => {
      const written = await this.#producer.send({
        topic,
        acks: -1,
        compression: CODEC[compression],
        ...(kafka.requestTimeoutMs !== undefined && { timeout: kafka.requestTimeoutMs }),
        messages: records.map(({ key, value, headers }) => ({
          key,
          value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
          partition,
          ...(headers && { headers }),
        })),
      });
      // kafkajs leaves out, without an error, what is for a partition that it does not find.
      if (written.length !== 1 || written[0]!.partition !== partition) {
        throw new SondeError('KAFKA_TOPIC', `${topic} has no partition ${partition} any more`, { stage: 'publish' });
      }
    });
  }

  /** Says goodbye to the brokers, for at most that long. */
  async close(timeoutMs: number): Promise<void> {
    await settledWithin(this.#producer.disconnect(), timeoutMs);
    this.#client.abandon();
  }

  /** Ends at once whatever is under way. */
  abandon(): void {
    this.#client.abandon();
    // Its timers; it has no connection left that could fail.
    void settledWithin(this.#producer.disconnect(), 0);
  }

  #countPartitions(): Promise<number> {
    return useAdmin(this.#client, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [this.#options.topic] });
      return topics[0]!.partitions.length;
    });
  }

  async #limited(work: () => Promise<void>): Promise<void> {
    const { sendTimeoutMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.abandon();
        reject(new SondeError('KAFKA_AWAY', `kafka: no answer within ${sendTimeoutMs} ms`, { stage: 'publish' }));
      }, sendTimeoutMs);
    });
    try {
      await Promise.race([work(), late]);
    } catch (error) {
      throw kafkaError(error, this.#context);
    } finally {
      clearTimeout(timer);
    }
  }
}
