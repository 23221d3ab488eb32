import { Counter, Histogram, type Registry } from 'prom-client';

/** The aggregator's own metrics. */
export interface AggregatorMetrics {
  readonly frames: Counter<'body'>;
  readonly lost: Counter<'hop' | 'reason'>;
  readonly storeErrors: Counter;
  readonly storeSeconds: Histogram;
  readonly storedBytes: Counter;
  readonly forgottenKeys: Counter;
  readonly refusedExemplars: Counter;
}

export function aggregatorMetrics(registry: Registry): AggregatorMetrics {
  const registers = [registry];
  return {
    frames: new Counter({
      name: 'sonde_frames_applied_total',
      help: 'Frames that the aggregator applied, by what they carry',
      labelNames: ['body'],
      registers,
    }),
    lost: new Counter({
      name: 'sonde_aggregator_lost_total',
      help: 'Frames that the aggregator could not apply, by hop and reason',
      labelNames: ['hop', 'reason'],
      registers,
    }),
    storeErrors: new Counter({
      name: 'sonde_state_errors_total',
      help: 'Reads and writes of state that the store refused or did not answer; they are tried again',
      registers,
    }),
    storeSeconds: new Histogram({
      name: 'sonde_state_write_duration_seconds',
      help: "Time to collect and write what has changed of a partition's state",
      buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    }),
    storedBytes: new Counter({
      name: 'sonde_state_written_bytes_total',
      help: 'Bytes of state that were written, which is what has changed',
      registers,
    }),
    forgottenKeys: new Counter({
      name: 'sonde_known_keys_forgotten_total',
      help: 'Times that a metric fed by events had too many keys to remember their series; they are decoded again as they come',
      registers,
    }),
    refusedExemplars: new Counter({
      name: 'sonde_exemplars_refused_total',
      help: 'Exemplars that were left out, because their ids could not be decoded or have more than 128 characters with their names',
      registers,
    }),
  };
}
