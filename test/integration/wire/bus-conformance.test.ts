import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Consumer, PartitionHandler, Publisher } from '../../../wire/bus.js';
import { MemoryBus } from '../../../wire/memory-bus.js';
import { CheckedHandler, makeTopic, testConsumer, testPublisher, textRecord } from '../../harness/kafka-bus.js';
import { until } from '../../harness/until.js';
import { startKafka, type KafkaCluster } from '../../services/kafka.js';

interface Bus {
  readonly publisher: Publisher;
  readonly consumer: Consumer;
}

const PARTITION = 0;

for (const name of ['memory', 'kafka'] as const) {
  test(`the bus of ${name} keeps the promises of the port`, async (t) => {
    const cluster = name === 'kafka' ? await startKafka(t) : undefined;
    const make = (): Promise<Bus> => (cluster === undefined ? Promise.resolve(memoryBus()) : kafkaBus(t, cluster));

    await t.test('records come in order, also those of publishes that do not wait for each other', async () => {
      const { bus, handler } = await started(make);
      const publishes = Array.from({ length: 20 }, (_, n) =>
        bus.publisher.publish([textRecord('host', `${n}a`), textRecord('host', `${n}b`)]),
      );
      await Promise.all(publishes);
      await until(() => handler.texts(PARTITION).length === 40, 'all records');
      assert.deepEqual(handler.texts(PARTITION), Array.from({ length: 20 }, (_, n) => [`${n}a`, `${n}b`]).flat());
      assert.deepEqual(handler.broken, []);
      await closed(bus);
    });

    await t.test('what a publish resolved for is there for whoever comes later', async () => {
      const { bus, handler } = await started(make);
      await bus.publisher.publish([textRecord('host', 'early')]);
      await bus.publisher.publish([]);
      await until(() => handler.texts(PARTITION).length === 1, 'the record');
      await closed(bus);
      assert.deepEqual(handler.texts(PARTITION), ['early']);
    });

    await t.test('a partition is assigned before its records, shown when read up, and not before', async () => {
      const { bus, handler } = await started(make);
      await bus.consumer.settled(30_000);
      assert.deepEqual([...bus.consumer.shown()], [PARTITION]);
      assert.equal(handler.calls[0], `assigned ${PARTITION}`);
      await bus.consumer.commit(PARTITION, 0n);
      await closed(bus);
    });

    await t.test('closing lets the handler leave once, and publishes after it reject', async () => {
      const { bus, handler } = await started(make);
      await bus.publisher.publish([textRecord('host', 'last')]);
      await until(() => handler.texts(PARTITION).length === 1, 'the record');
      await closed(bus);
      await closed(bus);
      assert.deepEqual(
        handler.calls.filter((call) => call === 'leaving'),
        ['leaving'],
      );
      await assert.rejects(bus.publisher.publish([textRecord('host', 'late')]), /after close/);
    });
  });
}

function memoryBus(): Bus {
  const bus = new MemoryBus();
  return { publisher: bus, consumer: bus };
}

async function kafkaBus(t: TestContext, cluster: KafkaCluster): Promise<Bus> {
  const topic = await makeTopic(cluster, 1);
  return {
    publisher: testPublisher(t, cluster, topic),
    consumer: testConsumer(t, cluster, topic),
  };
}

async function started(make: () => Promise<Bus>): Promise<{ bus: Bus; handler: CheckedHandler }> {
  const bus = await make();
  const handler: CheckedHandler & PartitionHandler = new CheckedHandler();
  await bus.consumer.start(handler);
  return { bus, handler };
}

async function closed(bus: Bus): Promise<void> {
  await bus.publisher.close();
  await bus.consumer.close();
}
