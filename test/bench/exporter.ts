/**
 * A whole scrape of a map with 100,000 rows and three labels: kernel read, frames, decode, text. Every row has risen since the
 * last scrape. Against what one would write first: get_next_key and lookup (in C), and a string for each line.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { Registry } from 'prom-client';
import { Aggregator } from '../../aggregator/aggregator.js';
import { aggregatorMetrics } from '../../aggregator/metrics.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';
import { Collector } from '../../collector/collector.js';
import { collectorMetrics } from '../../collector/metrics.js';
import { createLogger } from '../../lib/log.js';
import { native, type MapReader } from '../../native/index.js';
import { loadConfigs } from '../../wire/config/load.js';
import { MemoryBus } from '../../wire/memory-bus.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { packageRoot } from '../harness/root.js';
import { cpuSeconds, interleave, median, report } from './bench.js';
import { NativeBaseline } from './native-baseline.js';

const ROWS = 100_000;
const KEY_SIZE = 12;
const ROUNDS = 9;
const OPERATIONS = ['read', 'write', 'flush'];

const folder = mkdtempSync(join(tmpdir(), 'sonde-bench-'));
mkdirSync(folder, { recursive: true });
cpSync(compileFixture('rows'), join(folder, 'rows.bpf.o'));
cpSync(join(packageRoot(), 'test/fixtures/native/rows.yaml'), join(folder, 'rows.yaml'));

const registry = new Registry();
const log = createLogger({ debug: false, timestamps: false });
const bus = new MemoryBus();
const aggregator = new Aggregator({
  consumer: bus,
  metrics: aggregatorMetrics(registry),
  log,
  metricPrefix: 'ebpf_exporter_',
  maxSeriesPerMetric: 2 * ROWS,
});
await aggregator.start();
const collector = new Collector({
  native,
  bus,
  identity: { hostId: 'bench', bootId: 'bench' },
  configs: await loadConfigs(folder),
  version: '0',
  pollIntervalMs: 3_600_000,
  metrics: collectorMetrics(registry),
  log,
});
await collector.start();
const map = collector.probes[0]!.object!.maps.find(({ name }) => name === 'rows_total')!;

/** Sets all rows to `value`: one system call a row, so not within what is measured. */
function setRows(value: number): void {
  const key = Buffer.alloc(KEY_SIZE);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  for (let i = 0; i < ROWS; i++) {
    key.writeUInt32BE(0x0a000000 + i, 0);
    key.writeUInt16LE(i & 0xffff, 8);
    key.writeUInt8(i % OPERATIONS.length, 10);
    map.update(key, bytes);
  }
}

let value = 0;

async function scrape(gzip: boolean): Promise<number> {
  setRows(++value);
  let lines = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of exposition({ aggregator, registry, metricPrefix: 'ebpf_exporter_' }, 'text')) {
      lines += chunk.includes(` ${value}\n`) ? 1 : 0;
      yield chunk;
    }
  };
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
  const seconds = await cpuSeconds(async () => {
    await collector.refresh();
    if (gzip)
      await pipeline(
        Readable.from(counted()),
        createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 }),
        sink,
      );
    else await pipeline(Readable.from(counted()), sink);
  });
  if (lines === 0) throw new Error('the scrape is not fresh');
  return (seconds * 1e6) / ROWS;
}

/** Rows to text the usual way: a string for each label and each line. */
function stringBuilt(reader: MapReader): number {
  const lines: string[] = [];
  for (let rows = reader.nextSync(); rows > 0; rows = reader.nextSync()) {
    const keys = Buffer.from(reader.keys.buffer, reader.keys.byteOffset, reader.keys.byteLength);
    const values = Buffer.from(reader.values.buffer, reader.values.byteOffset, reader.values.byteLength);
    for (let row = 0; row < rows; row++) {
      const at = row * KEY_SIZE;
      const labels = {
        address: keys.subarray(at, at + 4).join('.'),
        port: String(keys.readUInt16LE(at + 8)),
        operation: OPERATIONS[keys[at + 10]!] ?? `unknown:${keys[at + 10]}`,
      };
      const text = Object.entries(labels).map(([name, label]) => `${name}="${label.replaceAll(/["\\\n]/g, '\\$&')}"`);
      lines.push(`ebpf_exporter_rows_total{${text.sort().join(',')}} ${values.readBigUInt64LE(row * 8)}`);
    }
  }
  return Buffer.from(lines.join('\n')).length;
}

const reader = map.openReader();
const baseline = new NativeBaseline(map.id);

async function plain(): Promise<number> {
  const walk = await baseline.run('walk');
  if (walk.count !== ROWS) throw new Error(`the walk saw ${walk.count} rows`);
  const batch = await baseline.run('batch');
  const built = await cpuSeconds(() => {
    if (stringBuilt(reader) < ROWS * 40) throw new Error('text is missing');
  });
  // The strings were built from a batch read, whose own cost is taken off again.
  return (walk.ns / 1e3 - batch.ns / 1e3 + built * 1e6) / ROWS;
}

const samples = await interleave(
  { sonde: () => scrape(false), 'sonde, gzip': () => scrape(true), 'get_next_key + strings': plain },
  ROUNDS,
);
baseline.close();
await collector.close();
rmSync(folder, { recursive: true });

const own = median(samples.sonde);
report({
  bench: 'exporter',
  rows: Object.entries(samples).map(([how, values]) => ({
    '100 k rows, 3 labels': how,
    'CPU µs a series': median(values).toFixed(2),
  })),
  checks: [
    {
      name: 'over get_next_key + strings',
      ratio: median(samples['get_next_key + strings']) / own,
      goal: 8,
      kind: 'gain',
    },
    { name: 'CPU µs a series', ratio: own / 1.5, goal: 1, kind: 'cost' },
    { name: 'CPU µs a series, gzip', ratio: median(samples['sonde, gzip']) / 2.5, goal: 1, kind: 'cost' },
  ],
});
