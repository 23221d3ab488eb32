import { metricsOf } from './metrics-of.js';
import type { DecoderName, ProbeConfig } from './types.js';

/** The decoders of all labels of a config. */
export function decodersUsed(config: ProbeConfig): ReadonlySet<DecoderName> {
  const labels = [...metricsOf(config), ...config.spans, ...config.events].flatMap((owner) => owner.labels);
  return new Set(labels.flatMap(({ decoders }) => decoders.map(({ name }) => name)));
}
