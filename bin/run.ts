import { fileURLToPath } from 'node:url';
import { Gauge, Registry } from 'prom-client';
import { Aggregator } from '../aggregator/aggregator.js';
import { registerPage } from '../aggregator/console/page.js';
import { aggregatorMetrics } from '../aggregator/metrics.js';
import { registerMetricsRoute } from '../aggregator/output/prometheus/routes.js';
import { SERVED } from '../aggregator/served.js';
import { Collector } from '../collector/collector.js';
import { hostIdentity } from '../collector/facts/host.js';
import { collectorMetrics } from '../collector/metrics.js';
import { parseListenAddress } from '../lib/listen-address.js';
import { createLogger } from '../lib/log.js';
import type { Settings } from '../lib/settings/load.js';
import { createWebServer, listen } from '../lib/web-server.js';
import { native } from '../native/index.js';
import { loadConfigs } from '../wire/config/load.js';
import { notServed } from '../wire/config/not-served.js';
import { ConfigError } from '../wire/errors.js';
import { MemoryBus } from '../wire/memory-bus.js';
import { UsageError } from './fail.js';
import { preflight } from './preflight.js';
import { attachedLine, missed } from './summary.js';
import { VERSION } from './version.js';

/** The probes that come with Sonde, as `npm run build:bpf` puts them. */
const OWN_PROBES = fileURLToPath(new URL('../bpf', import.meta.url));
const METRIC_PREFIX = 'ebpf_exporter_';

/** `sonde run`: collector and aggregator in one process, over the memory bus. Resolves when it serves, or, with `--config.check`, when it has checked. */
export async function run({ values, warnings }: Settings): Promise<void> {
  const log = createLogger({ debug: values.debug, timestamps: !values['log.no-timestamps'] });
  for (const warning of warnings) log.warn(warning);
  const metricsPath = values['web.telemetry-path'];
  const configs = await loadConfigs(values['config.dir'] ?? OWN_PROBES, values['config.names']);
  const missing = configs.flatMap((config) => notServed(config, SERVED));
  if (missing.length > 0) throw new ConfigError(missing);
  preflight();

  const registry = new Registry();
  buildInfo(registry);
  const bus = new MemoryBus();
  const aggregator = new Aggregator({
    consumer: bus,
    metrics: aggregatorMetrics(registry),
    log,
    metricPrefix: METRIC_PREFIX,
    maxSeriesPerMetric: values['series.max-per-metric'],
  });
  await aggregator.start();
  const host = { id: values['host.id'], name: values['host.name'], labels: values['host.label'] };
  const collector = new Collector({
    native,
    bus,
    identity: await hostIdentity(host),
    host,
    configs,
    version: VERSION,
    pollIntervalMs: values['poll-interval'],
    metrics: collectorMetrics(registry),
    log,
  });
  await collector.start();
  const stop = async (): Promise<void> => {
    await collector.close();
    await aggregator.close();
  };

  const { probes } = collector;
  for (const probe of probes) {
    for (const variant of probe.refusedVariants)
      log.debug(`${probe.config.name}: variant ${variant.name} not used: ${variant.reason}`);
  }
  const not = missed(probes);
  for (const line of not) log.warn(`not attached: ${line}`);
  if (values['config.strict'] && not.length > 0) {
    await stop();
    throw new UsageError(`not attached, and --config.strict asks for all:\n${not.join('\n')}`);
  }
  if (values['config.check']) {
    process.stdout.write(`attached  ${attachedLine(probes)}\n`);
    return stop();
  }

  const server = createWebServer();
  registerMetricsRoute(server, {
    aggregator,
    registry,
    metricPrefix: METRIC_PREFIX,
    path: metricsPath,
    refresh: collector,
  });
  registerPage(server, { aggregator, metricsPath, version: VERSION });
  server.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  // Requests are served only once the first read has been applied: whoever gets an answer gets this one.
  server.get('/readyz', (_request, reply) => reply.type('text/plain').send('ready\n'));
  let url: string;
  try {
    url = await listen(server, parseListenAddress(values['web.listen-address'])!);
  } catch (error) {
    await stop();
    throw explainListen(error, values['web.listen-address']);
  }
  onTermination(async () => {
    log.info('stopping');
    await server.close();
    await stop();
  });
  process.stdout.write(`metrics   ${url}${metricsPath}\npage      ${url}/\nattached  ${attachedLine(probes)}\n`);
}

function explainListen(error: unknown, address: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new UsageError(
      `${address} is in use: stop what listens there (ss -ltnp shows it), or choose another with --web.listen-address`,
    );
  }
  // Whatever else the system says about it: there is no such host, not ours, not permitted, no such interface.
  if (code !== undefined && /^E[A-Z_]+$/.test(code) && 'syscall' in (error as NodeJS.ErrnoException)) {
    return new UsageError(`cannot listen on ${address} (${code}): choose another with --web.listen-address`);
  }
  return error;
}

function buildInfo(registry: Registry): void {
  for (const name of ['sonde_build_info', `${METRIC_PREFIX}build_info`]) {
    new Gauge({
      name,
      help: 'Always 1; the labels say what this build is',
      labelNames: ['version', 'node', 'libbpf'],
      registers: [registry],
    }).set({ version: VERSION, node: process.version, libbpf: native.libbpfVersion }, 1);
  }
}

/** The first signal stops in order, the second at once. */
function onTermination(stop: () => Promise<void>): void {
  let stopping = false;
  const handle = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`sonde: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
}
