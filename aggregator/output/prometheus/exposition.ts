import type { Registry } from 'prom-client';
import type { Aggregator } from '../../aggregator.js';
import { builtInFamilies } from './built-in.js';
import { FamilyWriter, type Format } from './family-writer.js';
import { writeSmallFamily } from './small-family.js';

/** Time that writing may hold the event loop before others get their turn. */
const SLICE_MS = 2;

export interface ExpositionSources {
  readonly aggregator: Aggregator;
  /** Sonde's own metrics, all named `sonde_…`. */
  readonly registry: Registry;
  readonly metricPrefix: string;
}

/**
 * Everything there is to scrape, in chunks. The event loop gets its turn every few milliseconds, however many series there are,
 * and a scrape that is given up stops writing.
 */
export async function* exposition(sources: ExpositionSources, format: Format): AsyncGenerator<Buffer> {
  const { aggregator, registry, metricPrefix } = sources;
  const builtIn = builtInFamilies([...aggregator.hosts.values()], aggregator.store, metricPrefix);
  yield Buffer.from(builtIn.map((family) => writeSmallFamily(family, format)).join(''));
  let sliceEnd = performance.now() + SLICE_MS;
  for (const family of aggregator.store.families()) {
    const writer = new FamilyWriter(family, format);
    for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) {
      yield chunk;
      if (performance.now() < sliceEnd) continue;
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
  yield Buffer.from(await ownMetrics(registry, format));
}

async function ownMetrics(registry: Registry, format: Format): Promise<string> {
  const text = await registry.metrics();
  return format === 'text' ? text : openMetricsOf(text);
}

/**
 * prom-client's text as OpenMetrics. Its own OpenMetrics mode is a state of the whole registry, which two scrapes of
 * different kinds at once would fight over; of its counters and gauges only the heads differ.
 */
function openMetricsOf(text: string): string {
  const heads = text.replace(/^(# (?:HELP|TYPE) )(\S+)_total( |$)/gm, '$1$2$3');
  return `${heads.replace(/\n\n+/g, '\n')}# EOF\n`;
}
