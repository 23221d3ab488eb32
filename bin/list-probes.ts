import { METRIC_PREFIX } from '../aggregator/served.js';
import type { SettingValues } from '../lib/settings.js';
import { textTable } from '../lib/text-table.js';
import { questionOf } from '../wire/config/question.js';
import { withoutBucket } from '../wire/config/family.js';
import { loadTexts } from '../wire/config/load.js';
import { metricsOf } from '../wire/config/metrics-of.js';
import type { AnyMetricConfig, ProbeConfig } from '../wire/config/schema.js';
import { configFolder } from './probes.js';

/** `sonde probes`: what is installed, whether it runs or not. Needs no kernel and no privileges. Throws a ConfigError. */
export async function listProbes(values: SettingValues): Promise<void> {
  const configs = await loadTexts(configFolder(values), values['config.names']);
  process.stdout.write(configs.map(probeText).join('\n'));
}

/** The probe's name and question, how it is set, and its metrics. */
export function probeText(config: ProbeConfig): string {
  const rows = metricsOf(config).map((metric) => [
    `  ${METRIC_PREFIX}${metric.name}`,
    metric.type,
    labelsOf(metric),
    metric.help,
  ]);
  const streams = [
    ...config.spans.map(({ name, labels }) => [`  ${name}`, 'spans', labels.map((label) => label.name).join(', ')]),
    ...config.events.map(({ name, labels }) => [`  ${name}`, 'events', labels.map((label) => label.name).join(', ')]),
  ];
  return `${config.name}: ${questionOf(config)}\n  ${notes(config).join('; ')}\n${textTable([...rows, ...streams])}`;
}

function notes(config: ProbeConfig): string[] {
  const variants = config.variants.map(({ name }) => name);
  return [
    config.enabledByDefault ? 'on by default' : `off unless named: --config.names ${config.name}`,
    ...(config.sensitive ? ["sensitive: shows people's data"] : []),
    ...(variants.length > 0 ? [`variants ${variants.join(', ')}`] : []),
  ];
}

/** Without the one that is the bucket. */
function labelsOf({ type, source, labels }: AnyMetricConfig): string {
  const names = labels.map(({ name }) => name);
  return (type === 'histogram' && source.kind === 'map' ? withoutBucket(names) : names).join(', ');
}
