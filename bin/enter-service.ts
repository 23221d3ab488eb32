import type { Registry } from 'prom-client';
import type { Collector } from '../collector/collector.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import { native } from '../native/index.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import { dropCapabilities } from './capabilities.js';
import { reloadMetrics } from './metrics.js';
import type { Reloader } from './reloader.js';
import { ServiceManager } from './service-manager.js';
import { settleMemorySoon } from './settle-memory.js';
import { attachedLine } from './summary.js';
import { onTermination } from './termination.js';
import type { Web } from './web.js';

export interface ProbeService {
  readonly values: SettingValues;
  readonly log: Logger;
  readonly registry: Registry;
  readonly configs: readonly ProbeConfig[];
  readonly collector: Collector;
  readonly reloader: Reloader;
  readonly web: Web;
  /** Closes all but the web server, which goes first. */
  readonly stop: () => Promise<void>;
  /** What is printed between where the metrics are and what is attached. */
  readonly about: string;
}

/** All is attached and listened on: from here on it is a service, with what it needs and no more. */
export function enterService(service: ProbeService): void {
  const { values, log, registry, configs, collector, reloader, web, stop, about } = service;
  dropCapabilities({ values, configs, native, log });
  reloader.begin({ collector, metrics: reloadMetrics(registry) });
  const manager = new ServiceManager({ log, native });
  onTermination(log, async () => {
    manager.stopping();
    await web.close();
    await stop();
  });
  const attached = attachedLine(collector.probes);
  manager.ready(`attached: ${attached}`, () => collector.pollAgeMs);
  settleMemorySoon();
  process.stdout.write(`metrics   ${web.metricsUrl}\n${about}\nattached  ${attached}\n`);
}
