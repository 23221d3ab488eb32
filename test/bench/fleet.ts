/**
 * What a fleet costs, through a real broker: publishing records, consuming them and map rows into series, and holding 1,000 hosts ×
 * 1,000 series; against the usual way to build this, one JSON message an event and prom-client, in the same run.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { Counter, Registry } from 'prom-client';
import { Aggregator } from '../../aggregator/aggregator.js';
import { aggregatorMetrics } from '../../aggregator/metrics.js';
import { createLogger } from '../../lib/log.js';
import { encodeFrame, packU32, type FrameInit } from '../../wire/frame.js';
import { KafkaConsumer } from '../../wire/kafka/kafka-consumer.js';
import { KafkaPublisher } from '../../wire/kafka/kafka-publisher.js';
import { createTopics, TOPICS } from '../../wire/kafka/topics.js';
import { startKafka } from '../services/kafka.js';
import { cpuSeconds, report } from './bench.js';

type Body = NonNullable<FrameInit['body']>;

const PARTITIONS = 12;
const HOSTS = 1000;
const ROWS = 1000;
/** Reads of all maps. Each row has risen in each. */
const ROUNDS = 12;
const RECORD_BYTES = 256;
/** Of both ways so many that starting, and V8's warming up, are a small part: some seconds of CPU. */
const RECORDS = 12_000_000;
const RECORDS_A_FRAME = 1000;
const KINDS = 50;
const COMMANDS = 40;
/** Of the usual way. */
const MESSAGES = 400_000;
const BASELINE_TOPIC = 'baseline';

const YAML = `metrics:
  counters:
    - name: rows_total
      help: Rows
      labels:
        - {name: command, size: 16, decoders: [{name: string}]}
        - {name: port, size: 4, decoders: [{name: uint}]}
    - name: events_total
      help: Events
      ringbuf: events
      labels:
        - {name: command, size: 16, decoders: [{name: string}]}
        - {name: kind, size: 4, decoders: [{name: uint}]}
`;

const quiet = createLogger({ debug: false, timestamps: false }).child({}, { level: 'warn' });

/** A made-up host's frames. */
class MadeHost {
  readonly id: string;
  readonly #session = new Uint8Array(16);
  #recordsSeq = 0n;
  #stateSeq = 0n;

  constructor(number: number) {
    this.id = `host-${number}`;
    new DataView(this.#session.buffer).setUint32(0, number);
  }

  frame(body: Body): { key: string; value: Uint8Array } {
    const isState = body.case === 'mapRows';
    const value = encodeFrame({
      hostId: this.id,
      bootId: 'boot',
      session: this.#session,
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      anchor: { monotonicNs: 1n, boottimeNs: 1n, realtimeNs: 1n, uncertaintyNs: 0n },
      body,
    });
    return { key: this.id, value };
  }

  manifest(): { key: string; value: Uint8Array } {
    const map = { flags: 0, cpuRows: false, maxEntries: ROWS };
    const maps = [
      { ...map, id: 0, name: 'rows_total', type: 'hash', keySize: 20, valueSize: 8 },
      { ...map, id: 1, name: 'events', type: 'ringbuf', keySize: 0, valueSize: 0 },
    ];
    const host = { hostname: this.id, kernelRelease: '6', arch: 'x86_64', littleEndian: true, possibleCpus: 2 };
    const configs = [{ id: 0, name: 'probe', yaml: Buffer.from(YAML), epoch: 1, maps }];
    return this.frame({ case: 'manifest', value: { host, configs, revision: 1n } });
  }
}

function command(number: number): string {
  return `command-${number % COMMANDS}`;
}

/** What a record has besides: text in a field of fixed size. */
function path(number: number): string {
  return `/var/lib/service-${number % 7}/shard-${Math.imul(number, 0x9e3779b1) >>> 8}/segment-${number}.log`;
}

function recordsBody(): Body {
  const data = Buffer.alloc(RECORDS_A_FRAME * RECORD_BYTES);
  for (let i = 0; i < RECORDS_A_FRAME; i++) {
    data.write(command(i), i * RECORD_BYTES);
    data.writeUInt32LE(i % KINDS, i * RECORD_BYTES + 16);
    data.write(path(i), i * RECORD_BYTES + 24);
  }
  const lengths = packU32(new Uint32Array(RECORDS_A_FRAME).fill(RECORD_BYTES));
  return { case: 'records', value: { configId: 0, epoch: 1, mapId: 1, data, lengths } };
}

/** Publishes manifests and rounds of rows; resolves with the number of rows. */
async function publishRows(publisher: KafkaPublisher, hosts: readonly MadeHost[]): Promise<number> {
  const slots = packU32(Uint32Array.from({ length: ROWS }, (_, i) => i));
  const generations = packU32(new Uint32Array(ROWS).fill(1));
  const keys = Buffer.alloc(ROWS * 20);
  for (let i = 0; i < ROWS; i++) {
    keys.write(command(i), i * 20);
    keys.writeUInt32LE(i, i * 20 + 16);
  }
  await publishAll(
    publisher,
    hosts.map((host) => host.manifest()),
  );
  for (let round = 1; round <= ROUNDS; round++) {
    const values = new Uint8Array(new BigUint64Array(ROWS).fill(BigInt(round) * 1000n).buffer);
    const body: Body = {
      case: 'mapRows',
      value: { configId: 0, epoch: 1, mapId: 0, slots, generations, keys, values, last: true },
    };
    await publishAll(
      publisher,
      hosts.map((host) => host.frame(body)),
    );
  }
  return HOSTS * ROWS * ROUNDS;
}

async function publishAll(
  publisher: KafkaPublisher,
  records: readonly { key: string; value: Uint8Array }[],
): Promise<void> {
  for (let at = 0; at < records.length; at += 100) await publisher.publish(records.slice(at, at + 100));
}

/** In a child process: publishes records of one host, as a collector does; resolves with the CPU seconds, encoding included. */
async function publishRecords(brokers: string[]): Promise<number> {
  const publisher = new KafkaPublisher({ kafka: { brokers, clientId: 'bench', log: quiet }, topic: TOPICS.frames });
  const host = new MadeHost(0);
  const body = recordsBody();
  await publisher.publish([host.manifest()]);
  const cpu = await cpuSeconds(async () => {
    for (let sent = 0; sent < RECORDS; sent += RECORDS_A_FRAME * 4) {
      await Promise.all([1, 2, 3, 4].map(() => publisher.publish([host.frame(body)])));
    }
  });
  await publisher.close();
  return cpu;
}

/** In a child process, with kafkajs as it comes; resolves with the CPU seconds. */
async function publishBaseline(brokers: string[]): Promise<number> {
  const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer();
  await producer.connect();
  const cpu = await cpuSeconds(async () => {
    for (let sent = 0; sent < MESSAGES; sent += 1000) {
      const messages = Array.from({ length: 1000 }, (_, i) => ({
        key: 'host-0',
        value: JSON.stringify({ host: 'host-0', command: command(i), kind: i % KINDS, path: path(i) }),
      }));
      await producer.send({ topic: BASELINE_TOPIC, messages });
    }
  });
  await producer.disconnect();
  return cpu;
}

interface Consumed {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly events: number;
}

/** In a child process: consumes a topic to its end into series. */
async function consume(brokers: string[], topic: string): Promise<Consumed> {
  const consumer = new KafkaConsumer({
    kafka: { brokers, clientId: 'bench', log: quiet },
    topic,
    groupId: `bench-${topic}`,
    onFault: (error) => {
      throw error;
    },
  });
  const aggregator = new Aggregator({
    consumer,
    metrics: aggregatorMetrics(new Registry()),
    log: quiet,
    metricPrefix: '',
    maxSeriesPerMetric: 100_000,
  });
  const start = performance.now();
  const cpu = await cpuSeconds(async () => {
    await aggregator.start();
    while (consumer.shown().size < PARTITIONS) await consumer.settled(60_000);
  });
  const wallSeconds = (performance.now() - start) / 1000;
  let events = 0;
  for (const host of aggregator.shownHosts()) {
    for (const family of host.store.families()) {
      for (let cell = 0; cell < family.size; cell++) events += Number(family.cells.get(cell));
    }
  }
  global.gc?.();
  const rssMb = process.memoryUsage().rss / 2 ** 20;
  await aggregator.close();
  return { wallSeconds, cpuSeconds: cpu, rssMb, events };
}

/** In a child process: the usual way. */
async function consumeBaseline(brokers: string[]): Promise<Consumed> {
  const consumer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).consumer({ groupId: 'baseline' });
  const counter = new Counter({ name: 'events', help: 'h', labelNames: ['host', 'command', 'kind'], registers: [] });
  await consumer.connect();
  await consumer.subscribe({ topic: BASELINE_TOPIC, fromBeginning: true });
  let events = 0;
  const start = performance.now();
  const cpu = await cpuSeconds(
    () =>
      new Promise<void>((resolve) => {
        void consumer.run({
          eachMessage: ({ message }) => {
            const { host, command, kind } = JSON.parse(message.value!.toString()) as Record<string, string>;
            counter.inc({ host: host!, command: command!, kind: kind! });
            if (++events === MESSAGES) resolve();
            return Promise.resolve();
          },
        });
      }),
  );
  const wallSeconds = (performance.now() - start) / 1000;
  const rssMb = process.memoryUsage().rss / 2 ** 20;
  await consumer.disconnect();
  return { wallSeconds, cpuSeconds: cpu, rssMb, events };
}

function inChild<T>(...args: readonly string[]): Promise<T> {
  // As every command of Sonde, and garbage collected once, as those do when they have started. The usual way keeps what Node has.
  const asSonde = ['--expose-gc', '--import', new URL('as-sonde.js', import.meta.url).href];
  const execArgv = args[0]!.endsWith('-baseline') ? [] : asSonde;
  const child = fork(fileURLToPath(import.meta.url), args, { execArgv });
  return new Promise((resolve, reject) => {
    child.on('message', (message) => resolve(message as T));
    child.on('exit', (code) => code !== 0 && reject(new Error(`child ended with ${code}`)));
  });
}

async function main(): Promise<void> {
  const cleanUps: (() => unknown)[] = [];
  const kafka = await startKafka({ after: (work: () => unknown) => cleanUps.push(work) } as never);
  const brokers = [...kafka.brokers];
  const options = { brokers, clientId: 'bench', log: quiet };
  try {
    await createTopics(options, { partitions: PARTITIONS, replication: 1 });
    const client = new Kafka({ brokers, logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    const topics = ['rows', BASELINE_TOPIC].map((topic) => ({
      topic,
      numPartitions: topic === 'rows' ? PARTITIONS : 1,
    }));
    await admin.createTopics({ topics, waitForLeaders: false });
    await admin.disconnect();

    const rowPublisher = new KafkaPublisher({ kafka: options, topic: 'rows' });
    const rows = await publishRows(
      rowPublisher,
      Array.from({ length: HOSTS }, (_, i) => new MadeHost(i)),
    );
    await rowPublisher.close();
    const publishCpu = await inChild<number>('--publish', brokers.join());
    const baselinePublishCpu = await inChild<number>('--publish-baseline', brokers.join());

    const rowsConsumed = await inChild<Consumed>('--consume', brokers.join(), 'rows');
    const recordsConsumed = await inChild<Consumed>('--consume', brokers.join(), TOPICS.frames);
    const baseline = await inChild<Consumed>('--consume-baseline', brokers.join());
    if (rowsConsumed.events !== HOSTS * ROWS * ROUNDS * 1000) throw new Error(`rows: ${rowsConsumed.events}`);
    if (recordsConsumed.events !== RECORDS) throw new Error(`records: ${recordsConsumed.events}`);

    const perEvent = (cpu: number, events: number): string => ((cpu / events) * 1e6).toFixed(3);
    const row = (
      what: string,
      cpu: number,
      wall: number | undefined,
      events: number,
      usualCpu = cpu / events,
    ): Record<string, string> => ({
      'through a broker': what,
      'CPU µs an event': perEvent(cpu, events),
      'the usual way': `${(usualCpu / (cpu / events)).toFixed(1)}×`,
      'events/s': wall === undefined ? '' : Math.round(events / wall).toLocaleString('en'),
    });
    const usual = { publish: baselinePublishCpu / MESSAGES, consume: baseline.cpuSeconds / MESSAGES };
    report({
      bench: 'fleet',
      rows: [
        row(`publish ${RECORD_BYTES}-byte records`, publishCpu, undefined, RECORDS, usual.publish),
        row('publish JSON messages', baselinePublishCpu, undefined, MESSAGES),
        row(
          'consume map rows, 1,000 hosts × 1,000',
          rowsConsumed.cpuSeconds,
          rowsConsumed.wallSeconds,
          rows,
          usual.consume,
        ),
        row(
          `consume ${RECORD_BYTES}-byte records`,
          recordsConsumed.cpuSeconds,
          recordsConsumed.wallSeconds,
          RECORDS,
          usual.consume,
        ),
        row('consume JSON messages into prom-client', baseline.cpuSeconds, baseline.wallSeconds, MESSAGES),
      ],
      checks: [
        { name: 'publishing: CPU of an event against 3 µs', ratio: publishCpu / RECORDS / 3e-6, goal: 1, kind: 'cost' },
        {
          name: 'records per CPU second, publishing included, over the usual way',
          ratio: (usual.publish + usual.consume) / ((publishCpu + recordsConsumed.cpuSeconds) / RECORDS),
          goal: 20,
          kind: 'gain',
        },
        { name: 'map rows a second over 1 M', ratio: rows / rowsConsumed.wallSeconds / 1e6, goal: 1, kind: 'gain' },
        {
          name: 'records a second over 300 k',
          ratio: RECORDS / recordsConsumed.wallSeconds / 3e5,
          goal: 1,
          kind: 'gain',
        },
        {
          name: '1,000 hosts × 1,000 series: RSS against 600 MB',
          ratio: rowsConsumed.rssMb / 600,
          goal: 1,
          kind: 'cost',
        },
      ],
    });
  } finally {
    for (const work of cleanUps.reverse()) await work();
  }
}

const [mode, brokers = '', topic = ''] = process.argv.slice(2);
global.gc?.();
if (mode === '--consume') process.send!(await consume(brokers.split(','), topic));
else if (mode === '--publish') process.send!(await publishRecords(brokers.split(',')));
else if (mode === '--publish-baseline') process.send!(await publishBaseline(brokers.split(',')));
else if (mode === '--consume-baseline') process.send!(await consumeBaseline(brokers.split(',')));
else await main();
