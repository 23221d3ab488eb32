import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { cgroupMetrics, type CgroupMetrics } from './facts/cgroup/metrics.js';

/** The collector's own metrics. */
export interface CollectorMetrics {
  readonly polls: Counter<'reason'>;
  readonly pollSeconds: Histogram;
  readonly pollErrors: Counter<'config' | 'map'>;
  readonly framesPublished: Counter<'body'>;
  readonly keyframes: Counter;
  readonly busUp: Gauge;
  readonly publishFailures: Counter;
  readonly framesLost: Counter<'reason'>;
  readonly laneQueueBytes: Gauge;
  readonly spoolBytes: Gauge;
  readonly spoolEntries: Gauge;
  readonly cgroups: CgroupMetrics;
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
    keyframes: new Counter({
      name: 'sonde_keyframes_total',
      help: 'Reads of all maps that were published whole, with the Manifest and all Lookups',
      registers,
    }),
    busUp: new Gauge({
      name: 'sonde_bus_up',
      help: '1 when the bus took the last frames that were handed to it',
      registers,
    }),
    publishFailures: new Counter({
      name: 'sonde_publish_failures_total',
      help: 'Calls to the bus after which it is unknown whether it has the frames',
      registers,
    }),
    framesLost: new Counter({
      name: 'sonde_frames_lost_total',
      help: 'Manifest, Lookup and Records frames that will not be sent; their numbers are a gap in records_seq',
      labelNames: ['reason'],
      registers,
    }),
    laneQueueBytes: new Gauge({
      name: 'sonde_publish_queue_bytes',
      help: 'Manifest, Lookup and Records frames in memory that the bus has not acknowledged',
      registers,
    }),
    spoolBytes: new Gauge({ name: 'sonde_spool_bytes', help: 'Size of the spool on disk', registers }),
    spoolEntries: new Gauge({ name: 'sonde_spool_frames', help: 'Frames that wait in the spool', registers }),
    cgroups: cgroupMetrics(registry),
  };
}
