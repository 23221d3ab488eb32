import type { Admin, ITopicMetadata } from 'kafkajs';
import { SondeError } from '../errors.js';
import { withAdmin } from './admin.js';
import type { KafkaOptions } from './client.js';
import { loadKafkaJs } from './kafkajs.js';

/** Names of the topics, part of the contract between the services. */
export const TOPICS = { frames: 'sonde.frames', deadLetters: 'sonde.dlq', control: 'sonde.control' } as const;

export interface TopicSettings {
  /** Name of the frames' topic, where it is not `sonde.frames`. */
  readonly frames?: string;
  /** Name of the dead letters' topic, where it is not `sonde.dlq`. */
  readonly deadLetters?: string;
  /** Of the frames; the others have one. Default 12. What it is now stays: hosts belong to partitions. */
  readonly partitions?: number;
  /** Copies of each partition; default 3, or as many as there are brokers when they are fewer. */
  readonly replication?: number;
  /** How long frames are kept; default a day. Dead letters are kept seven times as long. */
  readonly retentionMs?: number;
}

export interface TopicOutcome {
  readonly topic: string;
  readonly made: boolean;
  readonly partitions: number;
  readonly replication: number;
  /** What is not as it was asked for, each a sentence; nothing is changed on a topic that was there. */
  readonly differences: readonly string[];
}

const DEFAULT_PARTITIONS = 12;
const DEFAULT_REPLICATION = 3;
const DAY_MS = 24 * 60 * 60 * 1000;
/** A batch of 900 KiB that does not compress, with its headers, fits. */
const MIN_MESSAGE_BYTES = 1_000_000;
const MAX_MESSAGE_BYTES = 1_048_588;

interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

/**
 * Makes the topics that are missing, and says how those that were there differ. Rejects with `KAFKA_AWAY`, `KAFKA_AUTH`,
 * or `KAFKA_REFUSED` when the brokers cannot make them as asked for.
 */
export function createTopics(kafka: KafkaOptions, settings: TopicSettings = {}): Promise<readonly TopicOutcome[]> {
  return withAdmin(kafka, { stage: 'config' }, async (admin) => {
    const { brokers } = await admin.describeCluster();
    const specs = topicSpecs(settings, brokers.length);
    const there = new Set(await admin.listTopics());
    const missing = specs.filter(({ topic }) => !there.has(topic));
    if (missing.length > 0) await makeTopics(admin, missing);
    return describe(admin, specs, new Set(missing.map(({ topic }) => topic)));
  });
}

/** How many partitions a topic has. Rejects with `KAFKA_AWAY`, `KAFKA_AUTH` or `KAFKA_TOPIC`. */
export function countPartitions(kafka: KafkaOptions, topic: string): Promise<number> {
  return withAdmin(kafka, { stage: 'consume', topic }, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
  });
}

function topicSpecs(settings: TopicSettings, brokerCount: number): readonly TopicSpec[] {
  const { frames = TOPICS.frames, deadLetters = TOPICS.deadLetters } = settings;
  const { partitions = DEFAULT_PARTITIONS, retentionMs = DAY_MS } = settings;
  const replication = settings.replication ?? Math.min(DEFAULT_REPLICATION, brokerCount);
  const spec = (topic: string, count: number, keepMs: number): TopicSpec => ({
    topic,
    partitions: count,
    replication,
    config: {
      'cleanup.policy': 'delete',
      'retention.ms': String(keepMs),
      'max.message.bytes': String(MAX_MESSAGE_BYTES),
      // A host whose clock is wrong must not keep its frames for ever, or lose them at once.
      'message.timestamp.type': 'LogAppendTime',
      // With three copies one broker may be away and an acknowledged frame is still on two.
      'min.insync.replicas': replication > 2 ? '2' : '1',
    },
  });
  return [
    spec(frames, partitions, retentionMs),
    spec(deadLetters, 1, retentionMs * 7),
    spec(TOPICS.control, 1, retentionMs),
  ];
}

async function makeTopics(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
  await admin.createTopics({
    waitForLeaders: true,
    topics: specs.map(({ config, partitions, replication, topic }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replication,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    })),
  });
}

async function describe(
  admin: Admin,
  specs: readonly TopicSpec[],
  made: ReadonlySet<string>,
): Promise<readonly TopicOutcome[]> {
  const { ConfigResourceTypes } = loadKafkaJs();
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ topic }) => topic) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: specs.map(({ topic }) => ({ type: ConfigResourceTypes.TOPIC, name: topic })),
  });
  return specs.map((spec) => {
    const metadata = topics.find(({ name }) => name === spec.topic);
    const entries = resources.find(({ resourceName }) => resourceName === spec.topic)?.configEntries;
    if (metadata === undefined || entries === undefined) {
      throw new SondeError('KAFKA_TOPIC', `kafka: ${spec.topic} was made, but cannot be seen`, { stage: 'config' });
    }
    const config = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
    return outcome(spec, metadata, config, made.has(spec.topic));
  });
}

function outcome(
  spec: TopicSpec,
  metadata: ITopicMetadata,
  config: ReadonlyMap<string, string>,
  made: boolean,
): TopicOutcome {
  const partitions = metadata.partitions.length;
  const replication = metadata.partitions[0]?.replicas.length ?? 0;
  const { topic } = spec;
  const differences: string[] = [];
  if (partitions !== spec.partitions) {
    differences.push(
      `${topic} has ${partitions} partitions, not ${spec.partitions}: it keeps them, because hosts belong to partitions`,
    );
  }
  if (replication !== spec.replication) {
    differences.push(`${topic} has ${replication} copies of each partition, not ${spec.replication}`);
  }
  for (const [name, wanted] of Object.entries(spec.config)) {
    const is = config.get(name);
    const isEnough = name === 'max.message.bytes' && Number(is) >= MIN_MESSAGE_BYTES;
    if (is !== wanted && !isEnough) differences.push(`${topic} has ${name}=${is ?? 'unknown'}, not ${wanted}`);
  }
  return { topic, made, partitions, replication, differences };
}
