import type { DecoderName, ProbeConfig } from './types.js';

/** The decoders of all labels of a config. */
export function decodersUsed(config: ProbeConfig): ReadonlySet<DecoderName> {
  const { counters, gauges, histograms, spans, events } = config;
  const labels = [counters, gauges, histograms, spans, events].flatMap((owners) =>
    owners.flatMap(({ labels }) => labels),
  );
  return new Set(labels.flatMap(({ decoders }) => decoders.map(({ name }) => name)));
}
