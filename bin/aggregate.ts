import { Registry } from 'prom-client';
import { Aggregator } from '../aggregator/aggregator.js';
import { aggregatorMetrics } from '../aggregator/metrics.js';
import { METRIC_PREFIX } from '../aggregator/served.js';
import type { Settings } from '../lib/settings/load.js';
import { KafkaConsumer } from '../wire/kafka/kafka-consumer.js';
import { KafkaDeadLetters } from '../wire/kafka/kafka-dead-letters.js';
import { buildInfo } from './build-info.js';
import { describeFailure, UsageError } from './fail.js';
import { kafkaOptions } from './kafka-options.js';
import { consumerMetrics, deadLetterMetrics } from './metrics.js';
import { startLog } from './start-log.js';
import { onTermination } from './termination.js';
import { serve, type Readiness } from './web.js';

/** Of the 10 s that stopping may take, so that the rest has its time too. */
const LEAVE_TIMEOUT_MS = 6000;
/** As long as it takes: setTimeout knows no longer time. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** `sonde aggregate`: a member of the consumer group. Resolves when it is one; tries for as long as brokers are away. */
export async function aggregate(settings: Settings): Promise<void> {
  const { values } = settings;
  const log = startLog(settings);
  if (values['redis.url'] !== undefined)
    throw new UsageError('redis.url: this version keeps no state in Redis yet: leave it out');
  const kafka = await kafkaOptions(values, log);
  const registry = new Registry();
  buildInfo(registry);
  const consumer = new KafkaConsumer({
    kafka,
    topic: values['kafka.topic'],
    groupId: values['kafka.group'],
    sessionTimeoutMs: values['kafka.session-timeout'],
    heartbeatIntervalMs: values['kafka.heartbeat-interval'],
    closeTimeoutMs: LEAVE_TIMEOUT_MS,
    onFault: (error) => {
      process.stderr.write(`sonde: ${describeFailure(error)}\n`);
      process.exit(1);
    },
  });
  consumerMetrics(registry, consumer);
  const deadLetters = new KafkaDeadLetters({ kafka, topic: values['kafka.dlq-topic'] });
  deadLetterMetrics(registry, deadLetters);
  const aggregator = new Aggregator({
    consumer,
    metrics: aggregatorMetrics(registry),
    log,
    metricPrefix: METRIC_PREFIX,
    maxSeriesPerMetric: values['series.max-per-metric'],
    limits: values.limits,
    storeIntervalMs: values['state.interval'],
    deadLetters,
  });

  let hasRead = false;
  const instanceLabel = values['prometheus.instance-label'];
  const web = await serve({
    values,
    metrics: { aggregator, registry, ...(instanceLabel !== '' && { instanceLabel }) },
    page: aggregator,
    readiness: () => readiness(consumer, hasRead),
  });
  let isStopping = false;
  onTermination(log, async () => {
    isStopping = true;
    await web.close();
    await aggregator.close();
    await deadLetters.close();
  });
  process.stdout.write(`metrics   ${web.metricsUrl}\npage      ${web.url}/\n`);
  log.warn(
    'without redis.url the state is lost with this process: totals then begin anew from the frames that Kafka still has',
  );
  try {
    await aggregator.start();
  } catch (error) {
    // Stopping has its own end.
    if (isStopping) return;
    await web.close();
    throw error;
  }
  process.stdout.write(`group     ${values['kafka.group']} of topic ${values['kafka.topic']}\n`);
  await consumer.settled(FOR_EVER_MS);
  hasRead = true;
}

/** Ready from when all partitions were read up to where they ended at the start; not while the brokers are away, when nothing is shown. */
function readiness(consumer: KafkaConsumer, hasRead: boolean): Readiness {
  const problem = consumer.lastError;
  const [shown, lags] = [consumer.shown(), consumer.lags()];
  const lag = [...lags.values()].reduce((sum, one) => sum + one, 0n);
  const kafka =
    problem?.message ??
    (hasRead
      ? `member, ${shown.size} of ${lags.size} partitions shown, ${lag} records to read`
      : `reading what there is, ${lag} records to go`);
  return { ready: hasRead && problem === undefined, lines: [`kafka: ${kafka}`, 'redis: not used'] };
}
