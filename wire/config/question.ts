import { metricsOf } from './metrics-of.js';
import type { ProbeConfig } from './schema.js';

/** The question that a probe answers: the comment that its YAML begins with; without one, what its first metric says. */
export function questionOf(config: ProbeConfig): string {
  const { yaml, spans, events } = config;
  const lines = yaml.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const comment = lines
    .slice(0, end < 0 ? lines.length : end)
    .filter((line) => !/^# *(yaml-language-server|SPDX-)/.test(line))
    .map((line) => line.replace(/^#+ ?/, ''))
    .join(' ')
    .trim();
  if (comment !== '') return comment;
  return metricsOf(config)[0]?.help ?? [...spans, ...events][0]?.name ?? '';
}
