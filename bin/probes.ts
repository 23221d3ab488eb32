import { fileURLToPath } from 'node:url';
import { SERVED } from '../aggregator/served.js';
import type { Collector } from '../collector/collector.js';
import type { Logger } from '../lib/log.js';
import { ROOT } from '../lib/root.js';
import type { SettingValues } from '../lib/settings.js';
import { native } from '../native/index.js';
import { loadConfigs } from '../wire/config/load.js';
import { notServed } from '../wire/config/not-served.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import { ConfigError } from '../wire/errors.js';
import { UsageError } from './fail.js';
import { preflight } from './preflight.js';
import { attachedLine, missed } from './summary.js';

/** The probes that come with Sonde, as `npm run build:bpf` puts them. */
const OWN_PROBES = fileURLToPath(new URL('dist/bpf', ROOT));

export function configFolder(values: SettingValues): string {
  return values['config.dir'] ?? OWN_PROBES;
}

/** The configs that the settings ask for. Throws what is the user's to mend. */
export async function chosenConfigs(values: SettingValues): Promise<readonly ProbeConfig[]> {
  const configs = await loadConfigs(configFolder(values), values['config.names']);
  const missing = configs.flatMap((config) => notServed(config, SERVED));
  if (missing.length > 0) throw new ConfigError(missing);
  return configs;
}

/** As {@link chosenConfigs}; throws also when this machine cannot load any. */
export async function loadableConfigs(values: SettingValues): Promise<readonly ProbeConfig[]> {
  const configs = await chosenConfigs(values);
  preflight(values['btf.path']);
  native.printLog(values.debug);
  return configs;
}

/**
 * Logs what came of loading, and says whether to go on: not when `--config.check` asked for no more. Throws a UsageError when
 * `--config.strict` asks for more than there is.
 */
export function reportProbes({ probes }: Pick<Collector, 'probes'>, values: SettingValues, log: Logger): boolean {
  if (values['config.skip-cache-size'] !== undefined)
    log.info('config.skip-cache-size has no effect: a key that a decoder skips is decoded once, while its row lives');
  const not = warnOfProbes({ probes }, log);
  if (values['config.strict'] && not.length > 0)
    throw new UsageError(`not attached, and --config.strict asks for all:\n${not.join('\n')}`);
  if (!values['config.check']) return true;
  process.stdout.write(`attached  ${attachedLine(probes)}\n`);
  return false;
}

/** Logs what does not run, and returns it. */
export function warnOfProbes({ probes }: Pick<Collector, 'probes'>, log: Logger): readonly string[] {
  for (const probe of probes) {
    for (const variant of probe.refusedVariants)
      log.debug(`${probe.config.name}: variant ${variant.name} not used: ${variant.reason}`);
  }
  const not = missed(probes);
  for (const line of not) log.warn(`not attached: ${line}`);
  return not;
}
