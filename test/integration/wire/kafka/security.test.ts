import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { KafkaOptions, KafkaSasl, KafkaTls } from '../../../../wire/kafka/client.js';
import { KafkaPublisher } from '../../../../wire/kafka/kafka-publisher.js';
import {
  CheckedHandler,
  KeptLog,
  kafkaOptions,
  makeTopic,
  testConsumer,
  textRecord,
} from '../../../harness/kafka-bus.js';
import { until } from '../../../harness/until.js';
import { makeCertificates } from '../../../services/certificates.js';
import { testFolder } from '../../../services/folders.js';
import { startKafka, type KafkaCluster } from '../../../services/kafka.js';

const LOGIN = { username: 'sonde', password: 'opensesame-4711' } as const;
const WRONG = 'wrong-password-0815';
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

async function refused(
  cluster: KafkaCluster,
  topic: string,
  more: Partial<KafkaOptions>,
  message: RegExp,
): Promise<void> {
  const log = new KeptLog();
  const kafka = kafkaOptions(cluster.brokers, { ...more, log });
  const publisher = new KafkaPublisher({ kafka, topic });
  await assert.rejects(publisher.start(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'KAFKA_AUTH');
    assert.match(error.message, message);
    log.lines.push(String(error), JSON.stringify(error), error.stack!);
    return true;
  });
  await publisher.close();
  for (const secret of [LOGIN.password, WRONG])
    assert.ok(!log.lines.join('\n').includes(secret), 'no password is told');
}

test('TLS with each login, and what is said when it is refused', async (t) => {
  const files = await makeCertificates(testFolder(t, 'certificates'));
  const other = await makeCertificates(testFolder(t, 'other-certificates'));
  const tls: KafkaTls = { ca: readFileSync(files.caFile, 'utf8') };
  const cluster = await startKafka(t, { tls: files, sasl: { user: LOGIN.username, password: LOGIN.password } });
  const topic = await makeTopic(cluster, 1);
  let sent = 0;

  for (const mechanism of MECHANISMS) {
    await t.test(`${mechanism} publishes and consumes`, async (subtest) => {
      const kafka = kafkaOptions(cluster.brokers, { tls, sasl: { mechanism, ...LOGIN } });
      const publisher = new KafkaPublisher({ kafka, topic });
      await publisher.start();
      await publisher.publish([textRecord('host', mechanism)]);
      sent++;
      const handler = new CheckedHandler();
      const consumer = testConsumer(subtest, cluster, topic, { kafka, groupId: mechanism });
      await consumer.start(handler);
      await until(() => handler.texts(0).length === sent, 'the records');
      assert.equal(handler.texts(0).at(-1), mechanism);
      await consumer.close();
      await publisher.close();
    });

    await t.test(`${mechanism} with a wrong password: said, without the password`, async (subtest) => {
      const sasl: KafkaSasl = { mechanism, ...LOGIN, password: WRONG };
      await refused(cluster, topic, { tls, sasl }, /login was refused.*check user, password and mechanism/);
      const consumer = testConsumer(subtest, cluster, topic, { kafka: kafkaOptions(cluster.brokers, { tls, sasl }) });
      await assert.rejects(consumer.start(new CheckedHandler()), { code: 'KAFKA_AUTH' });
      await consumer.close();
    });
  }

  await t.test('an authority that did not sign the brokers: said as a matter of TLS', async () => {
    const sasl: KafkaSasl = { mechanism: 'plain', ...LOGIN };
    await refused(
      cluster,
      topic,
      { tls: { ca: readFileSync(other.caFile, 'utf8') }, sasl },
      /no TLS with it.*check CA/,
    );
    await refused(cluster, topic, { tls: {}, sasl }, /no TLS with it.*check CA/);
  });
});

test('a client certificate, where the brokers want one', async (t) => {
  const files = await makeCertificates(testFolder(t, 'certificates'));
  const cluster = await startKafka(t, { tls: files, clientCertificate: true });
  const topic = await makeTopic(cluster, 1);
  const tls = { ca: readFileSync(files.caFile, 'utf8') };
  const [cert, key] = [readFileSync(files.clientCertFile, 'utf8'), readFileSync(files.clientKeyFile, 'utf8')];
  const publisher = new KafkaPublisher({ kafka: kafkaOptions(cluster.brokers, { tls: { ...tls, cert, key } }), topic });
  await publisher.start();
  await publisher.publish([textRecord('host', 'certified')]);
  assert.equal(publisher.stats.records, 1);
  await publisher.close();
  await refused(cluster, topic, { tls }, /no TLS with it.*certificate/);
});
