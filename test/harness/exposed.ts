import { Registry } from 'prom-client';
import type { Host } from '../../aggregator/host.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';

/** Everything that is exposed of these hosts, as a fleet's aggregator writes it. */
export async function exposed(hosts: Iterable<Host>): Promise<string> {
  const aggregator = { shownHosts: () => [...hosts] };
  const sources = { aggregator, registry: new Registry(), metricPrefix: '', instanceLabel: 'instance' };
  const chunks: Buffer[] = [];
  for await (const chunk of exposition(sources, 'openmetrics')) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
