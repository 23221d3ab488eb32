import type { Registry } from 'prom-client';
import type { InfluxOutput } from '../aggregator/output/influx/influx-output.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';

/** See `openInflux`, which is loaded only where it is asked for: starts stay quick. */
export async function openOutput(
  values: SettingValues,
  log: Logger,
  registry: Registry,
): Promise<InfluxOutput | undefined> {
  if (values['influx.url'] === undefined) return undefined;
  const { openInflux } = await import('./influx.js');
  return openInflux(values, values['influx.url'], log, registry);
}
