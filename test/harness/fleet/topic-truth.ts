import { randomUUID } from 'node:crypto';
import { KafkaConsumer } from '../../../wire/kafka/kafka-consumer.js';
import { taking } from '../partition-handler.js';
import { ReferenceTruth } from '../reference-truth.js';
import { truthKey, type Series } from './series.js';

const TIMEOUT_MS = 120_000;
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** What all frames of the topic come to, by the reference model, which shares nothing with the aggregator but the envelope's codec. */
export async function topicTruth(brokers: readonly string[], partitions: number, prefix: string): Promise<Series> {
  const truth = new ReferenceTruth();
  let fault: unknown;
  const consumer = new KafkaConsumer({
    kafka: { brokers, clientId: 'truth', log: SILENT },
    topic: 'sonde.frames',
    groupId: `truth-${randomUUID()}`,
    onFault: (error) => (fault = error),
  });
  await consumer.start(taking(({ value }) => truth.take(value)));
  const deadline = Date.now() + TIMEOUT_MS;
  while (consumer.shown().size < partitions) {
    if (fault !== undefined) throw fault as Error;
    if (Date.now() > deadline) throw new Error('the topic cannot be read to its end');
    await consumer.settled(1000);
  }
  await consumer.close();
  return new Map([...truth.samples(prefix)].map(({ metric, labels, value }) => [truthKey(metric, labels), value]));
}
