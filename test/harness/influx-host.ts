import { Host } from '../../aggregator/host.js';
import type { HostPoints } from '../../aggregator/output/influx/host-points.js';
import { PointBuffer, type Batch, type RefusedPoint } from '../../aggregator/output/influx/point-buffer.js';
import { LabelWriter } from '../../aggregator/series/label-writer.js';
import type { Family, FamilyDefinition } from '../../aggregator/series/family.js';

/** When the hosts of these tests were read last. */
export const TIME_NS = 1_700_000_000_123_456_789n;

export function influxHost(id = 'h1'): Host {
  const host = new Host(id, { metricPrefix: '', maxSeriesPerMetric: 2_000_000, onProblem: () => undefined });
  host.timeNs = TIME_NS;
  return host;
}

export function addFamily(host: Host, definition: Partial<FamilyDefinition> & { readonly name: string }): Family {
  const full = { help: '', type: 'counter', labels: [], ...definition } as const;
  return host.store.family(full, { cap: 2_000_000 }, () => false);
}

/** The series with these label values, in the order of the definition's labels by name; made when there is none. */
export function seriesOf(family: Family, ...values: readonly (string | Uint8Array)[]): number {
  const writer = new LabelWriter();
  const labels = [...family.definition.labels].sort();
  labels.forEach((name, i) => writer.label(Buffer.from(`${name}="`), Buffer.from(values[i]!)));
  return family.series(writer.bytes, writer.length);
}

/** Adds a u64 to a cell of a series. */
export function addTo(family: Family, series: number, value: bigint, cell = 0): void {
  const words = [Number(value & 0xffffffffn), Number(value >> 32n)] as const;
  family.cells.add(series * family.stride + cell, ...words);
}

/** Hands over all points of a host, in batches; returns those that are refused. */
export function writeHost(host: Host, points: HostPoints, onBatch: (batch: Batch) => void): RefusedPoint[] {
  const buffer = new PointBuffer();
  const refused: RefusedPoint[] = [];
  const writing = points.write(host, buffer);
  while (writing.next().done !== true) {
    refused.push(...buffer.takeRefused());
    if (buffer.isFull) onBatch(buffer.take());
  }
  onBatch(buffer.take());
  return refused;
}
