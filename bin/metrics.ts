import { Counter, Gauge, type Registry } from 'prom-client';
import type { RedisLink } from '../aggregator/state/redis-link.js';
import type { KafkaConsumer } from '../wire/kafka/kafka-consumer.js';
import type { KafkaDeadLetters } from '../wire/kafka/kafka-dead-letters.js';
import type { KafkaPublisher } from '../wire/kafka/kafka-publisher.js';

/** What the bus's adapters count, read when scraped, and what became of reloads. */

export interface ReloadMetrics {
  /** A load has come to its end. `hash`: of what runs, in hex. */
  readonly done: (ok: boolean, hash: string) => void;
}

/** Names and meanings as Prometheus and Alertmanager have them. */
export function reloadMetrics(registry: Registry): ReloadMetrics {
  const registers = [registry];
  const successful = new Gauge({
    name: 'sonde_config_last_reload_successful',
    help: 'Whether the last time that configs were loaded all went well; 0: what ran before runs on',
    registers,
  });
  const timestamp = new Gauge({
    name: 'sonde_config_last_reload_success_timestamp_seconds',
    help: 'When configs were loaded with success for the last time',
    registers,
  });
  const configHash = new Gauge({
    name: 'sonde_config_hash',
    help: 'Of the YAML and objects of all probes that run, as a number: hosts with equal ones run the same',
    registers,
  });
  const reloads = new Counter({
    name: 'sonde_config_reloads_total',
    help: 'Times that configs were loaded, the start included',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['success', 'failure']) reloads.inc({ result }, 0);
  return {
    done: (ok, hash) => {
      successful.set(ok ? 1 : 0);
      reloads.inc({ result: ok ? 'success' : 'failure' });
      if (ok) timestamp.set(Date.now() / 1000);
      // 48 bits, which a double holds exactly.
      configHash.set(parseInt(hash.slice(0, 12), 16));
    },
  };
}

/** Whether the brokers take frames, and what they did not, the collector counts itself. */
export function publisherMetrics(registry: Registry, publisher: KafkaPublisher): void {
  gauge(
    registry,
    'sonde_kafka_waiting_bytes',
    'Bytes of frames that wait for an acknowledgement',
    () => publisher.waitingBytes,
  );
  counter(
    registry,
    'sonde_kafka_sent_bytes_total',
    'Bytes of frames acknowledged, before compression',
    () => publisher.stats.bytes,
  );
  counter(registry, 'sonde_kafka_sends_total', 'Requests that were acknowledged', () => publisher.stats.sends);
}

export function consumerMetrics(registry: Registry, consumer: KafkaConsumer): void {
  gauge(registry, 'sonde_kafka_up', 'Whether this is a member of its group, with nothing wrong', () =>
    consumer.lastError ? 0 : 1,
  );
  counter(registry, 'sonde_kafka_received_bytes_total', 'Bytes of frames handed over', () => consumer.stats.bytes);
  counter(registry, 'sonde_kafka_joins_total', 'Assignments of partitions', () => consumer.stats.joins);
  counter(
    registry,
    'sonde_kafka_restarts_total',
    'Memberships that ended and were begun anew',
    () => consumer.stats.restarts,
  );
  counter(
    registry,
    'sonde_kafka_gaps_total',
    'Places where records were removed before they were read',
    () => consumer.stats.gaps,
  );
  counter(
    registry,
    'sonde_kafka_commit_errors_total',
    'Commits that failed, which only lag tools notice',
    () => consumer.stats.commitErrors,
  );
  new Gauge({
    name: 'sonde_kafka_lag_records',
    help: 'Records of a partition that are in the log and have not been handed over',
    labelNames: ['partition'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [partition, lag] of consumer.lags()) this.set({ partition }, Number(lag));
    },
  });
  new Counter({
    name: 'sonde_kafka_unreadable_total',
    help: 'Batches that were stepped over, by reason',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(consumer.stats.unreadable)) this.inc({ reason }, count);
    },
  });
}

export function redisMetrics(registry: Registry, link: RedisLink): void {
  gauge(registry, 'sonde_redis_up', 'Whether there is a connection', () => (link.connected ? 1 : 0));
  counter(registry, 'sonde_redis_connections_lost_total', 'Connections that were lost', () => link.lost);
  counter(
    registry,
    'sonde_redis_timeouts_total',
    'Commands that were given up because nothing was heard',
    () => link.timeouts,
  );
}

export function deadLetterMetrics(registry: Registry, letters: KafkaDeadLetters): void {
  counter(
    registry,
    'sonde_dead_letters_total',
    'Frames that could not be applied and were kept',
    () => letters.stats.sent,
  );
  new Counter({
    name: 'sonde_dead_letters_lost_total',
    help: 'Frames that could not be applied and were not kept either, by reason',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(letters.stats.lost)) this.inc({ reason }, count);
    },
  });
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}
