import { Registry } from 'prom-client';
import { Aggregator } from '../aggregator/aggregator.js';
import { aggregatorMetrics } from '../aggregator/metrics.js';
import { checkRollups } from '../aggregator/rollup/rollup-spec.js';
import { METRIC_PREFIX } from '../aggregator/served.js';
import type { RedisStateStore } from '../aggregator/state/redis-state-store.js';
import type { Settings } from '../lib/settings/load.js';
import type { SettingValues } from '../lib/settings.js';
import { native } from '../native/index.js';
import type { KafkaOptions } from '../wire/kafka/client.js';
import { KafkaConsumer } from '../wire/kafka/kafka-consumer.js';
import { KafkaDeadLetters } from '../wire/kafka/kafka-dead-letters.js';
import { countPartitions } from '../wire/kafka/topics.js';
import { aggregateReadiness } from './aggregate-readiness.js';
import { buildInfo } from './build-info.js';
import { CheckedStore } from './checked-store.js';
import { describeFailure } from './fail.js';
import { openOutput } from './output.js';
import { kafkaOptions } from './kafka-options.js';
import { consumerMetrics, deadLetterMetrics, redisMetrics } from './metrics.js';
import { openRedis } from './redis.js';
import { ServiceManager } from './service-manager.js';
import { startLog } from './start-log.js';
import { onTermination } from './termination.js';
import { openWebConfig, serve } from './web.js';

/** Of the 10 s that stopping may take, so that the rest has its time too. */
const LEAVE_TIMEOUT_MS = 6000;
/** As long as it takes: setTimeout knows no longer time. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** `sonde aggregate`: a member of the consumer group. Resolves when all partitions are read; tries for as long as brokers are away. */
export async function aggregate(settings: Settings): Promise<void> {
  const { values } = settings;
  checkRollups(values.rollups);
  const log = startLog(settings);
  const webConfig = await openWebConfig(values, log);
  const kafka = await kafkaOptions(values, log);
  const redis = await openRedis(values, log);
  const registry = new Registry();
  buildInfo(registry);
  if (redis !== undefined) redisMetrics(registry, redis.link);
  const consumer = newConsumer(values, kafka);
  consumerMetrics(registry, consumer);
  const output = await openOutput(values, log, registry);
  const deadLetters = new KafkaDeadLetters({ kafka, topic: values['kafka.dlq-topic'] });
  deadLetterMetrics(registry, deadLetters);
  const aggregator = new Aggregator({
    consumer,
    metrics: aggregatorMetrics(registry),
    log,
    metricPrefix: METRIC_PREFIX,
    maxSeriesPerMetric: values['series.max-per-metric'],
    limits: values.limits,
    hostTtlMs: values['hosts.ttl'],
    rollups: values.rollups,
    storeIntervalMs: values['state.interval'],
    deadLetters,
    output,
    ...(redis !== undefined && { store: checked(redis, values, kafka) }),
  });
  const stop = async (): Promise<void> => {
    await aggregator.close();
    await Promise.all([deadLetters.close(), output?.close(), redis?.close()]);
  };

  let hasRead = false;
  let isStopping = false;
  try {
    const instanceLabel = values['prometheus.instance-label'];
    const web = await serve({
      values,
      metrics: {
        aggregator,
        registry,
        silentAfterMs: values['hosts.silent-after'],
        ...(instanceLabel !== '' && { instanceLabel }),
      },
      page: aggregator,
      readiness: () => aggregateReadiness({ consumer, aggregator, redis: redis?.link, hasRead }),
      web: webConfig,
    });
    const manager = new ServiceManager({ log, native });
    onTermination(log, async () => {
      isStopping = true;
      manager.stopping();
      await web.close();
      await stop();
    });
    process.stdout.write(`metrics   ${web.metricsUrl}\npage      ${web.url}/\n`);
    // Brokers may be away for longer than a service may take to start: /readyz says how far it is.
    manager.ready(`member of group ${values['kafka.group']}, ${web.metricsUrl}`);
    await aggregator.start().catch(async (error: unknown) => {
      if (!isStopping) await web.close();
      throw error;
    });
  } catch (error) {
    // Whoever stops it while it starts does not want to hear of it.
    if (isStopping) return;
    await stop();
    throw error;
  }
  process.stdout.write(`group     ${values['kafka.group']} of topic ${values['kafka.topic']}\n`);
  await consumer.settled(FOR_EVER_MS);
  hasRead = true;
}

function newConsumer(values: SettingValues, kafka: KafkaOptions): KafkaConsumer {
  return new KafkaConsumer({
    kafka,
    topic: values['kafka.topic'],
    groupId: values['kafka.group'],
    sessionTimeoutMs: values['kafka.session-timeout'],
    heartbeatIntervalMs: values['kafka.heartbeat-interval'],
    closeTimeoutMs: LEAVE_TIMEOUT_MS,
    onFault: endWith,
  });
}

function checked(store: RedisStateStore, values: SettingValues, kafka: KafkaOptions): CheckedStore {
  return new CheckedStore({
    store,
    countPartitions: () => countPartitions(kafka, values['kafka.topic']),
    onOtherCount: endWith,
  });
}

/** For what cannot be gone on with: what was stored is whole, and others get the partitions. */
function endWith(error: unknown): never {
  process.stderr.write(`sonde: ${describeFailure(error)}\n`);
  process.exit(1);
}
