import { Counter, Gauge, type Registry } from 'prom-client';
import type { DurableQueue } from '../aggregator/output/influx/durable-queue.js';
import type { InfluxWriter } from '../aggregator/output/influx/influx-writer.js';

/** What became of points for InfluxDB, read when scraped: in = written + waiting + queued + dead + lost. */
export function influxMetrics(registry: Registry, writer: InfluxWriter, queue: DurableQueue): void {
  const registers = [registry];
  const count = (name: string, help: string, read: () => number): void =>
    void new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const countByReason = (name: string, help: string, read: () => Iterable<readonly [string, number]>): void =>
    void new Counter({
      name,
      help,
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset();
        for (const [reason, points] of read()) this.inc({ reason }, points);
      },
    });
  const gauge = (name: string, help: string, read: () => number): void =>
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  count(
    'sonde_influx_points_total',
    'Points for InfluxDB, those included that an earlier run left behind, or that were taken from the queue in Redis',
    () => writer.stats.in + (queue.stats().shared?.removed ?? 0),
  );
  count('sonde_influx_points_written_total', 'Points that InfluxDB has taken', () => writer.stats.written);
  gauge(
    'sonde_influx_points_waiting',
    'Points on their way to InfluxDB, or in the queue on disk',
    () => writer.stats.pending + (queue.stats().shared === undefined ? queue.stats().waiting.points : 0),
  );
  count(
    'sonde_influx_points_queued_total',
    'Points handed over to the queue in Redis, from which any aggregator writes them',
    () => queue.stats().shared?.added ?? 0,
  );
  gauge(
    'sonde_influx_queue_points',
    'Points of the queue, in Redis of all aggregators',
    () => queue.stats().waiting.points,
  );
  countByReason(
    'sonde_influx_points_dead_total',
    'Points that InfluxDB will never take, kept as dead letters, by reason: its status, or ours',
    () => queue.stats().buried,
  );
  countByReason('sonde_influx_points_lost_total', 'Points that there was no place for, by reason', () => [
    ...writer.stats.lost,
    ...[...queue.stats().lost].filter(([reason]) => reason !== 'dead_letters_full'),
  ]);
  count(
    'sonde_influx_dead_points_dropped_total',
    'Points of dead letters that had to make room for others',
    () => queue.stats().lost.get('dead_letters_full') ?? 0,
  );
  gauge('sonde_influx_up', 'Whether InfluxDB takes points', () => (writer.awaySinceMs === undefined ? 1 : 0));
  count('sonde_influx_failures_total', 'Requests that did not get through', () => writer.stats.failures);
  gauge('sonde_influx_queue_bytes', 'Bytes of the queue', () => queue.stats().waiting.bytes);
  gauge('sonde_influx_dead_letters', 'Dead letters that are kept', () => queue.stats().dead.letters);
}
