import { Registry } from 'prom-client';
import type { Host } from '../../aggregator/host.js';
import type { Partition } from '../../aggregator/partition.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';
import { federation, type Federation } from '../../aggregator/output/prometheus/federate/federation.js';
import type { RouteSources } from '../../aggregator/output/prometheus/routes.js';
import type { ShownSources } from '../../aggregator/output/prometheus/shown.js';
import { parseSelector } from '../../aggregator/output/prometheus/federate/selector.js';

/** Everything that is exposed of these hosts, as a fleet's aggregator writes it. */
export async function exposed(hosts: Iterable<Host>): Promise<string> {
  return textOf(exposition(sourcesOf(hosts), 'openmetrics'));
}

/** The same at a time (ms since 1970). */
export async function exposedAt(
  hosts: Iterable<Host>,
  nowMs: number,
  options: Partial<ShownSources> = {},
): Promise<string> {
  return textOf(exposition({ ...sourcesOf(hosts), ...options }, 'text', nowMs));
}

/** What is exposed of these partitions at a time. */
export async function exposedPartitions(partitions: readonly Partition[], nowMs = 0): Promise<string> {
  return textOf(
    exposition(
      servedPartitions(() => partitions),
      'openmetrics',
      nowMs,
    ),
  );
}

/** What `/federate` gives of these partitions. */
export async function federatedPartitions(
  partitions: readonly Partition[],
  selectors: readonly string[],
): Promise<string> {
  const asked = { nowMs: 0, lookbackMs: 300_000, selectors: selectors.map(parseSelector) };
  return textOf(federation({ ...servedPartitions(() => partitions), ...asked }));
}

/** What an aggregator that has these partitions serves. */
export function servedPartitions(partitions: () => readonly Partition[]): RouteSources {
  const aggregator = {
    shownHosts: () => partitions().flatMap((partition) => [...partition.hosts.values()]),
    partitions: () => partitions().map((partition) => ({ partition, isShown: true, isLost: false })),
    settled: () => Promise.resolve(),
  };
  return { aggregator, registry: new Registry(), metricPrefix: '', instanceLabel: 'instance' };
}

/** What `/federate` gives of these hosts. */
export async function federated(
  hosts: Iterable<Host>,
  selectors: readonly string[],
  options: Partial<Federation> = {},
): Promise<string> {
  const defaults = { nowMs: 0, lookbackMs: 300_000, selectors: selectors.map(parseSelector) };
  return textOf(federation({ ...sourcesOf(hosts), ...defaults, ...options }));
}

function sourcesOf(hosts: Iterable<Host>): ShownSources {
  const aggregator = { shownHosts: () => [...hosts], partitions: () => [] };
  return { aggregator, registry: new Registry(), metricPrefix: '', instanceLabel: 'instance' };
}

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}
