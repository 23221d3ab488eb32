import { Registry } from 'prom-client';
import { Aggregator } from '../aggregator/aggregator.js';
import { aggregatorMetrics } from '../aggregator/metrics.js';
import { METRIC_PREFIX } from '../aggregator/served.js';
import { Collector } from '../collector/collector.js';
import { hostIdentity } from '../collector/facts/host.js';
import { collectorMetrics } from '../collector/metrics.js';
import type { Settings } from '../lib/settings/load.js';
import { native } from '../native/index.js';
import { MemoryBus } from '../wire/memory-bus.js';
import { buildInfo } from './build-info.js';
import { enterService } from './enter-service.js';
import { givenHost } from './given-host.js';
import { openOutput } from './output.js';
import { describeKey, mapsText } from './maps-text.js';
import { loadableConfigs, reportProbes } from './probes.js';
import { Reloader } from './reloader.js';
import { startLog } from './start-log.js';
import { VERSION } from './version.js';
import { openWebConfig, serve } from './web.js';

/** `sonde run`: collector and aggregator in one process, over the memory bus. Resolves when it serves, or, with `--config.check`, when it has checked. */
export async function run(settings: Settings): Promise<void> {
  const { values } = settings;
  const log = startLog(settings);
  const webConfig = await openWebConfig(values, log);
  const reloader = new Reloader(values, log);
  await reloader.listen();
  const registry = new Registry();
  // A check must not take the folder of one that runs.
  const output = values['config.check'] ? undefined : await openOutput(values, log, registry);
  const configs = await loadableConfigs(values);

  buildInfo(registry, native.libbpfVersion);
  const bus = new MemoryBus();
  const aggregator = new Aggregator({
    consumer: bus,
    metrics: aggregatorMetrics(registry),
    log,
    metricPrefix: METRIC_PREFIX,
    maxSeriesPerMetric: values['series.max-per-metric'],
    limits: values.limits,
    output,
  });
  await aggregator.start();
  const host = givenHost(values);
  const collector = new Collector({
    native,
    btfPath: values['btf.path'],
    bus,
    identity: await hostIdentity(host),
    host,
    configs,
    version: VERSION,
    pollIntervalMs: values['poll-interval'],
    cgroupWatch: values['cgroups.watch'],
    metrics: collectorMetrics(registry),
    log,
  });
  await collector.start();
  const stop = async (): Promise<void> => {
    await reloader.close();
    await collector.close();
    await aggregator.close();
    await output?.close();
  };
  try {
    if (!reportProbes(collector, values, log)) return await stop();
    // Requests are served only once the first read has been applied: whoever gets an answer gets a ready one.
    const readiness = (): { ready: true; lines: [] } => ({ ready: true, lines: [] });
    const metrics = { aggregator, registry, refresh: collector };
    const maps = values.debug ? () => mapsText(collector.mapChunks(), describeKey(aggregator)) : undefined;
    const web = await serve({ values, metrics, page: aggregator, maps, readiness, reloader, web: webConfig });
    const about = `page      ${web.url}/`;
    enterService({ values, log, registry, configs, collector, reloader, web, stop, about });
  } catch (error) {
    await stop();
    throw error;
  }
}
