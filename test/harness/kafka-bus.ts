import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Admin, ITopicConfig } from 'kafkajs';
import type { BusRecord, ConsumedRecord, PartitionHandler } from '../../wire/bus.js';
import { withAdmin } from '../../wire/kafka/admin.js';
import type { KafkaLog, KafkaOptions } from '../../wire/kafka/client.js';
import { KafkaConsumer, type KafkaConsumerOptions } from '../../wire/kafka/kafka-consumer.js';
import { KafkaPublisher, type KafkaPublisherOptions } from '../../wire/kafka/kafka-publisher.js';
import { partitionOf } from '../../wire/kafka/murmur2.js';
import type { KafkaCluster } from '../services/kafka.js';

/** Keeps what was logged, as lines. */
export class KeptLog implements KafkaLog {
  readonly lines: string[] = [];

  debug(fields: object, message: string): void {
    this.lines.push(`debug ${message} ${JSON.stringify(fields)}`);
  }
  info(fields: object, message: string): void {
    this.lines.push(`info ${message} ${JSON.stringify(fields)}`);
  }
  warn(fields: object, message: string): void {
    this.lines.push(`warn ${message} ${JSON.stringify(fields)}`);
  }
  error(fields: object, message: string): void {
    this.lines.push(`error ${message} ${JSON.stringify(fields)}`);
  }
}

export function kafkaOptions(brokers: readonly string[], more: Partial<KafkaOptions> = {}): KafkaOptions {
  return { brokers, clientId: 'sonde-test', log: new KeptLog(), ...more };
}

/** Works on the cluster as its operator, without TLS and login. */
export function asAdmin<T>(cluster: KafkaCluster, work: (admin: Admin) => Promise<T>): Promise<T> {
  return withAdmin(kafkaOptions(cluster.insideBrokers), { stage: 'config' }, work);
}

/** A topic with a name of its own. */
export async function makeTopic(
  cluster: KafkaCluster,
  partitions: number,
  config: Pick<ITopicConfig, 'configEntries'> = {},
): Promise<string> {
  const topic = `test-${randomUUID()}`;
  await asAdmin(cluster, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: partitions, ...config }], waitForLeaders: true }),
  );
  return topic;
}

/** A member that comes and goes quickly; closed after the test, if not in it. */
export function testConsumer(
  t: TestContext,
  cluster: KafkaCluster,
  topic: string,
  more: Partial<KafkaConsumerOptions> = {},
): KafkaConsumer {
  const consumer = new KafkaConsumer({
    kafka: kafkaOptions(cluster.brokers),
    topic,
    groupId: topic,
    sessionTimeoutMs: 3000,
    heartbeatIntervalMs: 200,
    onFault: (error) => {
      throw error;
    },
    ...more,
  });
  t.after(() => consumer.close());
  return consumer;
}

/** Closed after the test, if not in it. */
export function testPublisher(
  t: TestContext,
  cluster: KafkaCluster,
  topic: string,
  more: Partial<KafkaPublisherOptions> = {},
): KafkaPublisher {
  const publisher = new KafkaPublisher({ kafka: kafkaOptions(cluster.brokers), topic, ...more });
  t.after(() => publisher.close());
  return publisher;
}

/** A key that belongs to a partition. */
export function keyOf(partition: number, partitionCount: number): string {
  for (let n = 0; ; n++) {
    const key = `host-${n}`;
    if (partitionOf(key, partitionCount) === partition) return key;
  }
}

export function textRecord(key: string, text: string): BusRecord {
  return { key, value: Buffer.from(text) };
}

export function textOf(record: Pick<ConsumedRecord, 'value'>): string {
  return Buffer.from(record.value).toString();
}

/** What a partition's owners keep beyond the process: where it goes on, and all that was applied. */
export class SharedState {
  readonly next = new Map<number, bigint>();
  readonly texts = new Map<number, string[]>();
}

/** An owner that stores its place with each record, and notes whatever was not as the port promises. */
export class CheckedHandler implements PartitionHandler {
  readonly state: SharedState;
  readonly broken: string[] = [];
  /** Such as `assigned 3`, in order. */
  readonly calls: string[] = [];
  readonly #busy = new Set<number>();
  readonly #expected = new Map<number, bigint>();

  constructor(state = new SharedState()) {
    this.state = state;
  }

  async assigned(partition: number): Promise<bigint | undefined> {
    this.calls.push(`assigned ${partition}`);
    return this.#alone(partition, () => {
      const next = this.state.next.get(partition);
      this.#expected.set(partition, next ?? 0n);
      return next;
    });
  }

  async apply(partition: number, records: readonly ConsumedRecord[]): Promise<void> {
    await this.#alone(partition, () => {
      for (const record of records) {
        const expected = this.#expected.get(partition);
        if (record.offset !== expected) this.broken.push(`${partition}: got ${record.offset}, not ${expected}`);
        this.#expected.set(partition, record.offset + 1n);
        this.#keep(partition, record);
      }
    });
  }

  revoked(partition: number): void {
    if (this.#busy.has(partition)) this.broken.push(`${partition}: revoked during a call`);
    this.calls.push(`revoked ${partition}`);
    this.#expected.delete(partition);
  }

  leaving(): Promise<void> {
    this.calls.push('leaving');
    return Promise.resolve();
  }

  /** Texts applied to a partition, by whichever owner. */
  texts(partition: number): readonly string[] {
    return this.state.texts.get(partition) ?? [];
  }

  #keep(partition: number, record: ConsumedRecord): void {
    const texts = this.state.texts.get(partition) ?? [];
    this.state.texts.set(partition, texts);
    texts.push(textOf(record));
    this.state.next.set(partition, record.offset + 1n);
  }

  /** Gives way to others in the middle, so that calls which overlap are seen. */
  async #alone<T>(partition: number, work: () => T): Promise<T> {
    if (this.#busy.has(partition)) this.broken.push(`${partition}: calls overlap`);
    this.#busy.add(partition);
    await new Promise((resolve) => setImmediate(resolve));
    try {
      return work();
    } finally {
      this.#busy.delete(partition);
    }
  }
}
