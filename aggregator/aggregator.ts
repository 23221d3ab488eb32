import type { Logger } from '../lib/log.js';
import type { BusRecord, ConsumedRecord, Consumer, PartitionHandler } from '../wire/bus.js';
import { SondeError } from '../wire/errors.js';
import { decodeFrame, type Frame } from '../wire/frame.js';
import { Host, requireManifest } from './host.js';
import type { AggregatorMetrics } from './metrics.js';
import { SeriesStore } from './series/store.js';

/** Hosts that one aggregator holds: far more than a member of a consumer group is given. */
const MAX_HOSTS = 65_536;

export interface AggregatorOptions {
  readonly consumer: Consumer;
  readonly metrics: AggregatorMetrics;
  readonly log: Logger;
  /** Put before every metric name of a config. */
  readonly metricPrefix: string;
  readonly maxSeriesPerMetric: number;
}

/** Applies frames to hosts, and hosts' rows to series. */
export class Aggregator implements PartitionHandler {
  readonly store: SeriesStore;
  readonly hosts = new Map<string, Host>();
  readonly #options: AggregatorOptions;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    this.store = new SeriesStore({ maxSeriesPerMetric: options.maxSeriesPerMetric });
  }

  start(): Promise<void> {
    return this.#options.consumer.start(this);
  }

  assigned(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  apply(_partition: number, records: readonly ConsumedRecord[]): Promise<void> {
    for (const record of records) this.#take(record);
    return Promise.resolve();
  }

  revoked(): void {
    // The memory bus has one partition, which nobody takes away.
  }

  leaving(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.#options.consumer.close();
  }

  /** One record: applied, or counted and left. Nothing that a frame says can stop the aggregator. */
  #take(record: BusRecord): void {
    const { metrics, log } = this.#options;
    try {
      const frame = decodeFrame(record.value);
      if (frame.hostId !== record.key) {
        throw new SondeError('FRAME_MALFORMED', `frame of host ${frame.hostId} in a record of ${record.key}`, {
          stage: 'decode',
        });
      }
      this.#host(frame).apply(frame);
      metrics.frames.inc({ body: frame.body.case ?? 'none' });
    } catch (error) {
      const reason =
        error instanceof SondeError
          ? error.code.toLowerCase()
          : error instanceof RangeError
            ? 'frame_malformed'
            : undefined;
      if (reason === undefined) throw error;
      metrics.lost.inc({ hop: 'decode', reason });
      log.warn({ host: record.key, reason, bytes: record.value.length }, `frame left out: ${(error as Error).message}`);
    }
  }

  #host({ hostId: id, body }: Frame): Host {
    let host = this.hosts.get(id);
    if (host === undefined) {
      requireManifest(body);
      if (this.hosts.size >= MAX_HOSTS) {
        throw new SondeError('FRAME_LIMIT', `host ${id} would be one more than ${MAX_HOSTS}`, { stage: 'decode' });
      }
      const { metricPrefix, log } = this.#options;
      host = new Host(id, {
        store: this.store,
        metricPrefix,
        onProblem: (config, message) =>
          log.error({ host: id, config }, `metrics of this config are not served: ${message}`),
      });
      this.hosts.set(id, host);
    }
    return host;
  }
}
