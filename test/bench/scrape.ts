/**
 * What a scrape costs once the series are there: 100 k counters against prom-client over the same series, and, in a process
 * of its own, how long the event loop is held and how much memory it takes to serve 1 M over HTTP.
 */
import { fork, spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { Counter, Registry } from 'prom-client';
import { Host } from '../../aggregator/host.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';
import { registerMetricsRoute, type RouteSources } from '../../aggregator/output/prometheus/routes.js';
import { createWebServer, listen } from '../../lib/web-server.js';
import { cpuSeconds, interleave, median, report } from './bench.js';

const LABELS = ['device', 'operation', 'port'] as const;

function labelsOf(i: number): Record<(typeof LABELS)[number], string> {
  return { device: `nvme${i % 97}n1`, operation: `operation_${i % 31}`, port: String(i) };
}

/** A host with that many counters, as rows of a map would have made them. */
function filledHost(count: number): Host {
  const host = new Host('host', { metricPrefix: '', maxSeriesPerMetric: 2_000_000, onProblem: () => undefined });
  const definition = { name: 'ebpf_exporter_packets_total', help: 'Packets', type: 'counter', labels: LABELS } as const;
  const family = host.store.family(definition, { cap: count }, () => false);
  for (let i = 0; i < count; i++) {
    const { device, operation, port } = labelsOf(i);
    const text = Buffer.from(`device="${device}",operation="${operation}",port="${port}"`);
    family.cells.addDifference(family.series(text, text.length), i * 7919, i % 3, 0, 0);
  }
  return host;
}

function sourcesOf(host: Host): RouteSources {
  return {
    aggregator: { shownHosts: () => [host], partitions: () => [], settled: () => Promise.resolve() },
    registry: new Registry(),
    metricPrefix: 'ebpf_exporter_',
  };
}

async function against(count: number): Promise<Record<'sonde' | 'prom-client', number[]>> {
  const host = filledHost(count);
  const registry = new Registry();
  const counter = new Counter({
    name: 'ebpf_exporter_packets_total',
    help: 'Packets',
    labelNames: LABELS,
    registers: [registry],
  });
  for (let i = 0; i < count; i++) counter.inc(labelsOf(i), i * 7919);
  return interleave(
    {
      sonde: () =>
        cpuSeconds(async () => {
          let bytes = 0;
          for await (const chunk of exposition(sourcesOf(host), 'text')) bytes += chunk.length;
          if (bytes < count * 50) throw new Error(`only ${bytes} bytes`);
        }),
      'prom-client': () =>
        cpuSeconds(async () => {
          const text = await registry.metrics();
          if (text.length < count * 50) throw new Error(`only ${text.length} characters`);
        }),
    },
    7,
  );
}

/** In a child process: serves 1 M series over HTTP to curl, and measures itself meanwhile. */
async function serveMillion(): Promise<void> {
  const server = createWebServer();
  registerMetricsRoute(server, { ...sourcesOf(filledHost(1_000_000)), path: '/metrics' });
  const url = await listen(server, { host: '127.0.0.1', port: 0 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const gaps: number[] = [];
  let lines = 0;
  for (let round = 0; round < 3; round++) {
    delay.reset();
    delay.enable();
    const client = spawn('sh', ['-c', `curl -s ${url}/metrics | grep -c ^ebpf_exporter_packets_total`]);
    client.stdout.on('data', (data: Buffer) => (lines = Number(data)));
    await new Promise((resolve) => client.on('exit', resolve));
    delay.disable();
    gaps.push(delay.max / 1e6);
  }
  process.send!({ gapMs: Math.max(...gaps), rssMb: process.memoryUsage().rss / 2 ** 20, lines });
  await server.close();
}

async function measureMillion(): Promise<{ gapMs: number; rssMb: number; lines: number }> {
  const child = fork(fileURLToPath(import.meta.url), ['--serve-million']);
  return new Promise((resolve, reject) => {
    child.on('message', (message) => resolve(message as { gapMs: number; rssMb: number; lines: number }));
    child.on('exit', (code) => code !== 0 && reject(new Error(`child ended with ${code}`)));
  });
}

if (process.argv.includes('--serve-million')) {
  await serveMillion();
} else {
  const samples = await against(100_000);
  const million = await measureMillion();
  if (million.lines !== 1_000_000) throw new Error(`${million.lines} of 1 M lines arrived`);
  report({
    bench: 'scrape',
    rows: Object.entries(samples).map(([how, seconds]) => ({
      '100 k counters': how,
      'CPU ms': (median(seconds) * 1e3).toFixed(1),
      'ns a series': (median(seconds) * 1e4).toFixed(0),
    })),
    checks: [
      {
        name: 'over prom-client',
        ratio: median(samples['prom-client']) / median(samples.sonde),
        goal: 20,
        kind: 'gain',
      },
      {
        name: '1 M over HTTP: longest gap of the event loop against 20 ms',
        ratio: million.gapMs / 20,
        goal: 1,
        kind: 'cost',
      },
      { name: '1 M over HTTP: RSS against 400 MB', ratio: million.rssMb / 400, goal: 1, kind: 'cost' },
    ],
  });
}
