import { DECODERS } from './decode/registry.js';
import type { Feature } from '../wire/config/not-served.js';

/** Of all metrics of configs, as ebpf_exporter has it. */
export const METRIC_PREFIX = 'ebpf_exporter_';

/** What of the config format this version serves; the rest is said at start, with its place in the file. */
export const SERVED: ReadonlySet<Feature> = new Set<Feature>([
  'counters',
  'gauges',
  'map_gauges',
  'histograms',
  'map',
  'ringbuf',
  'perf_buffer',
  'value',
  'map_value',
  'aggregate',
  'member',
  'kaddrs',
  'variants',
  'when',
  'limits',
  'flush_interval',
  'native',
  'exemplar',
  'cgroup_id_map',
  ...DECODERS.map((name) => `decoder:${name}` as const),
]);
