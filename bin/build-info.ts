import { Gauge, type Registry } from 'prom-client';
import { METRIC_PREFIX } from '../aggregator/served.js';
import { VERSION } from './version.js';

/** @param libbpf its version; left out where no program is loaded. */
export function buildInfo(registry: Registry, libbpf = ''): void {
  for (const name of ['sonde_build_info', `${METRIC_PREFIX}build_info`]) {
    new Gauge({
      name,
      help: 'Always 1; the labels say what this build is',
      labelNames: ['version', 'node', 'libbpf'],
      registers: [registry],
    }).set({ version: VERSION, node: process.version, libbpf }, 1);
  }
}
