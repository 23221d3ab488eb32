/** Line protocol of 100,000 counters with three labels, once their heads are known, against the client's own Point class. */
import { gzipSync } from 'node:zlib';
import { Point } from '@influxdata/influxdb-client';
import type { Host } from '../../aggregator/host.js';
import { HostPoints } from '../../aggregator/output/influx/host-points.js';
import { addFamily, addTo, influxHost, seriesOf, writeHost } from '../harness/influx-host.js';
import { cpuSeconds, interleave, median, report } from './bench.js';

const COUNT = 100_000;
const NAME = 'ebpf_exporter_packets_total';
/** zlib's default, which the client takes. */
const LEVEL = 6;

function labelsOf(i: number): [device: string, operation: string, port: string] {
  return [`nvme${i % 97}n1`, `operation_${i % 31}`, String(i)];
}

function filledHost(): Host {
  const host = influxHost();
  const family = addFamily(host, { name: NAME, labels: ['device', 'operation', 'port'] });
  for (let i = 0; i < COUNT; i++) addTo(family, seriesOf(family, ...labelsOf(i)), BigInt(i * 7919));
  return host;
}

function encode(host: Host, points: HostPoints, level?: number): number {
  let bytes = 0;
  writeHost(host, points, ({ lines }) => {
    bytes += level === undefined ? lines.length : gzipSync(lines, { level }).length;
  });
  return bytes;
}

function encodeWithClient(): number {
  let bytes = 0;
  let lines: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    const [device, operation, port] = labelsOf(i);
    const point = new Point(NAME).tag('host_id', 'h1').tag('instance', 'h1').tag('device', device);
    point
      .tag('operation', operation)
      .tag('port', port)
      .intField('value', i * 7919)
      .timestamp('1700000000123456789');
    lines.push(point.toLineProtocol()!);
    if (lines.length < 5000) continue;
    bytes += Buffer.byteLength(lines.join('\n'));
    lines = [];
  }
  return bytes;
}

const host = filledHost();
const points = new HostPoints({ hostTag: 'instance', fields: [], heartbeatMs: 0 });
encode(host, points);
const samples = await interleave(
  {
    sonde: () => cpuSeconds(() => void encode(host, points)),
    'sonde, gzip': () => cpuSeconds(() => void encode(host, points, LEVEL)),
    'Point of the client': () => cpuSeconds(() => void encodeWithClient()),
  },
  7,
);
report({
  bench: 'influx',
  rows: Object.entries(samples).map(([how, seconds]) => ({
    '100 k points': how,
    'ns a point': ((median(seconds) / COUNT) * 1e9).toFixed(0),
    'points/s a core': (COUNT / median(seconds)).toFixed(0),
  })),
  checks: [
    {
      name: "over the client's Point",
      ratio: median(samples['Point of the client']) / median(samples.sonde),
      goal: 5,
      kind: 'gain',
    },
    {
      name: 'with gzip: points/s a core against 200,000',
      ratio: COUNT / median(samples['sonde, gzip']) / 200_000,
      goal: 1,
      kind: 'gain',
    },
  ],
});
