import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type KafkaConfig, type PartitionMetadata, type SASLOptions } from 'kafkajs';
import { makeCertificates } from '../../services/certificates.js';
import { testFolder } from '../../services/folders.js';
import { startKafka } from '../../services/kafka.js';

const LOGIN = { user: 'sonde', password: 'not-so-secret' };

function client(brokers: readonly string[], more: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, ...more });
}

async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
}

async function send(kafka: Kafka, topic: string, value: string): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ partition: 0, value }] });
  await producer.disconnect();
}

/** The high watermark of partition 0: how many records it has. */
async function length(kafka: Kafka, topic: string): Promise<string | undefined> {
  const admin = kafka.admin();
  await admin.connect();
  const [offsets] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets?.high;
}

async function firstPartition(kafka: Kafka, topic: string): Promise<PartitionMetadata> {
  const admin = kafka.admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  await admin.disconnect();
  return topics[0]!.partitions[0]!;
}

test('a node that was killed comes back on its ports with its records', async (t) => {
  const cluster = await startKafka(t);
  const kafka = client(cluster.brokers);
  await createTopic(kafka, 'kept');
  await send(kafka, 'kept', 'before');
  await cluster.kill();
  await assert.rejects(send(client(cluster.brokers, { retry: { retries: 0 } }), 'kept', 'nobody there'));
  await cluster.restart();
  await send(kafka, 'kept', 'after');
  assert.equal(await length(kafka, 'kept'), '2');
  await cluster.stop();
  await assert.rejects(length(client(cluster.brokers, { retry: { retries: 0 } }), 'kept'));
});

test('three nodes: what two acknowledge while the third is dead, all three have', async (t) => {
  const cluster = await startKafka(t, { nodes: 3 });
  const kafka = client(cluster.brokers);
  await createTopic(kafka, 'replicated');
  const { leader, replicas } = await firstPartition(kafka, 'replicated');
  assert.deepEqual([...replicas].sort(), [1, 2, 3]);

  await cluster.kill(leader);
  const alive = client(cluster.brokers.filter((_, index) => index !== leader - 1));
  // A new client that still hears of the dead leader tries to reach only that.
  while ((await firstPartition(alive, 'replicated')).leader === leader) await sleep(100);
  await send(alive, 'replicated', 'without its leader');
  await cluster.restart(leader);
  await send(kafka, 'replicated', 'with all three');
  assert.equal(await length(kafka, 'replicated'), '2');
});

test('TLS with a client certificate, and a login by each mechanism', async (t) => {
  const tls = await makeCertificates(testFolder(t, 'certificates'));
  const cluster = await startKafka(t, { tls, clientCertificate: true, sasl: LOGIN });
  await createTopic(client(cluster.insideBrokers), 'secret');
  const ssl = {
    ca: readFileSync(tls.caFile, 'utf8'),
    cert: readFileSync(tls.clientCertFile, 'utf8'),
    key: readFileSync(tls.clientKeyFile, 'utf8'),
  };
  const login = (mechanism: string, password = LOGIN.password): SASLOptions =>
    ({ mechanism, username: LOGIN.user, password }) as SASLOptions;
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'])
    await send(client(cluster.brokers, { ssl, sasl: login(mechanism) }), 'secret', mechanism);
  assert.equal(await length(client(cluster.insideBrokers), 'secret'), '3');

  const retry = { retries: 0 };
  const refused: Partial<KafkaConfig>[] = [
    { sasl: login('plain') },
    { ssl: { ca: ssl.ca }, sasl: login('plain') },
    { ssl },
    { ssl, sasl: login('plain', 'wrong') },
    { ssl, sasl: login('scram-sha-512', 'wrong') },
  ];
  for (const config of refused) await assert.rejects(send(client(cluster.brokers, { ...config, retry }), 'secret', ''));
});
