// Publishing events to a real broker: packed in frames of 256 KiB by KafkaPublisher, against kafkajs with a record an
// event; and what a connected publisher and consumer cost when there is nothing to do.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaClient } from '../../wire/kafka/client.js';
import { KafkaPublisher } from '../../wire/kafka/kafka-publisher.js';
import { KafkaConsumer } from '../../wire/kafka/kafka-consumer.js';
import { loadKafkaJs } from '../../wire/kafka/kafkajs.js';
import { withAdmin } from '../../wire/kafka/admin.js';
import { seededRandom } from '../../lib/random.js';
import { kafkaOptions } from '../harness/kafka-bus.js';
import { taking } from '../harness/partition-handler.js';
import { kafkaNodes } from '../services/kafka.js';
import { cpuSeconds, interleave, median, report } from './bench.js';

const EVENT_BYTES = 256;
const FRAME_EVENTS = 1024;
const FRAMES = 200;
/** Frames that a collector hands over before the first is acknowledged. */
const FRAMES_AT_ONCE = 4;
const BASELINE_EVENTS = 20_000;
const ROUNDS = 5;
const IDLE_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'sonde-bench-kafka-'));
const [node] = await kafkaNodes(folder, {});
await node!.server.start();
try {
  await measure([`127.0.0.1:${node!.ports.client}`]);
} finally {
  await node!.server.kill();
  rmSync(folder, { recursive: true, force: true });
}

/** Events as kernels make them: some fields that change, names that repeat, and padding. */
function frame(random: () => number): Buffer {
  const bytes = Buffer.alloc(EVENT_BYTES * FRAME_EVENTS);
  for (let at = 0; at < bytes.length; at += EVENT_BYTES) {
    for (let word = 0; word < 8; word++) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at + word * 4);
    bytes.write(`/usr/bin/program-${Math.floor(random() * 100)}`, at + 64);
    bytes.write(`worker/${Math.floor(random() * 16)}`, at + 128);
  }
  return bytes;
}

async function measure(brokers: readonly string[]): Promise<void> {
  const kafka = kafkaOptions(brokers);
  const topic = 'bench';
  await withAdmin(kafka, { stage: 'config' }, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true }),
  );
  const random = seededRandom(1);
  const frames = Array.from({ length: FRAMES_AT_ONCE }, () => frame(random));
  const publisher = new KafkaPublisher({ kafka, topic });
  await publisher.start();
  const producer = new KafkaClient(kafka).kafka.producer({
    createPartitioner: loadKafkaJs().Partitioners.DefaultPartitioner,
  });
  await producer.connect();

  const packed = async (): Promise<void> => {
    for (let sent = 0; sent < FRAMES; sent += FRAMES_AT_ONCE) {
      await Promise.all(frames.map((value) => publisher.publish([{ key: 'host', value }])));
    }
  };
  const single = async (): Promise<void> => {
    const [events] = frames;
    for (let sent = 0; sent < BASELINE_EVENTS; sent += FRAME_EVENTS) {
      const messages = Array.from({ length: FRAME_EVENTS }, (_, n) => ({
        ...{ key: 'host', partition: 0 },
        value: events!.subarray(n * EVENT_BYTES, (n + 1) * EVENT_BYTES),
      }));
      await producer.send({ topic, acks: -1, messages });
    }
  };
  const singleEvents = Math.ceil(BASELINE_EVENTS / FRAME_EVENTS) * FRAME_EVENTS;
  const samples = await interleave(
    {
      packed: async () => ((await cpuSeconds(packed)) * 1e6) / (FRAMES * FRAME_EVENTS),
      single: async () => ((await cpuSeconds(single)) * 1e6) / singleEvents,
    },
    ROUNDS,
  );
  await producer.disconnect();

  const idlePublisher = await idlePercent();
  const consumer = new KafkaConsumer({ kafka, topic, groupId: topic, onFault: () => undefined });
  await consumer.start(taking(() => undefined));
  await consumer.settled(60_000);
  const idleBoth = await idlePercent();
  await consumer.close();
  await publisher.close();

  const [ours, theirs] = [median(samples.packed), median(samples.single)];
  const digits = (value: number): number => Number(value.toPrecision(3));
  report({
    bench: 'kafka',
    rows: [
      { what: 'µs of CPU an event, a record an event', value: digits(theirs) },
      { what: 'µs of CPU an event, packed in frames', value: digits(ours) },
      { what: '% of a core, idle publisher', value: digits(idlePublisher) },
      { what: '% of a core, with an idle consumer', value: digits(idleBoth) },
    ],
    checks: [
      { name: 'a record an event', ratio: theirs / ours, goal: 3, kind: 'gain' },
      { name: 'µs of CPU an event', ratio: ours, goal: 3, kind: 'cost' },
      { name: '% of a core when idle', ratio: idleBoth, goal: 2, kind: 'cost' },
    ],
  });
}

async function idlePercent(): Promise<number> {
  await sleep(500);
  return ((await cpuSeconds(() => sleep(IDLE_MS))) * 1e5) / IDLE_MS;
}
