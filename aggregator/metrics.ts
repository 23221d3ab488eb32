import { Counter, type Registry } from 'prom-client';

/** The aggregator's own metrics. */
export interface AggregatorMetrics {
  readonly frames: Counter<'body'>;
  readonly lost: Counter<'hop' | 'reason'>;
}

export function aggregatorMetrics(registry: Registry): AggregatorMetrics {
  return {
    frames: new Counter({
      name: 'sonde_frames_applied_total',
      help: 'Frames that the aggregator applied, by what they carry',
      labelNames: ['body'],
      registers: [registry],
    }),
    lost: new Counter({
      name: 'sonde_aggregator_lost_total',
      help: 'Frames that the aggregator could not apply, by hop and reason',
      labelNames: ['hop', 'reason'],
      registers: [registry],
    }),
  };
}
