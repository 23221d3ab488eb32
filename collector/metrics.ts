import { Counter, Histogram, type Registry } from 'prom-client';

/** The collector's own metrics. */
export interface CollectorMetrics {
  readonly polls: Counter<'reason'>;
  readonly pollSeconds: Histogram;
  readonly pollErrors: Counter<'config' | 'map'>;
  readonly framesPublished: Counter<'body'>;
}

export function collectorMetrics(registry: Registry): CollectorMetrics {
  const registers = [registry];
  return {
    polls: new Counter({
      name: 'sonde_polls_total',
      help: 'Reads of all maps, by what asked for them',
      labelNames: ['reason'],
      registers,
    }),
    pollSeconds: new Histogram({
      name: 'sonde_poll_duration_seconds',
      help: 'Time from the start of a read of all maps until its frames are published',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    }),
    pollErrors: new Counter({
      name: 'sonde_poll_errors_total',
      help: 'Reads of a map that failed; its rows are sent by the next one that succeeds',
      labelNames: ['config', 'map'],
      registers,
    }),
    framesPublished: new Counter({
      name: 'sonde_frames_published_total',
      help: 'Frames that the bus has taken, by what they carry',
      labelNames: ['body'],
      registers,
    }),
  };
}
