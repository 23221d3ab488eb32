import type { Registry } from 'prom-client';
import type { Aggregator } from '../../aggregator.js';
import { groupFamilies, type FamilyGroup } from '../../family-groups.js';
import { hostLabels, labelText, type Labels } from '../../host-labels.js';
import type { Host } from '../../host.js';
import { builtInFamilies } from './built-in.js';
import { familyHead, FamilyWriter, LineBuffer, type Format } from './family-writer.js';
import { paced } from './paced.js';
import { writeSmallFamily } from './small-family.js';

export interface ExpositionSources {
  readonly aggregator: Pick<Aggregator, 'shownHosts'>;
  /** Sonde's own metrics, all named `sonde_…`. */
  readonly registry: Registry;
  readonly metricPrefix: string;
  /** Label that names the host; left out in `sonde run`, where Prometheus itself does. */
  readonly instanceLabel?: string;
}

/**
 * Everything there is to scrape, in chunks. The event loop gets its turn every few milliseconds, however many series there are,
 * and a scrape that is given up stops writing.
 */
export async function* exposition(sources: ExpositionSources, format: Format): AsyncGenerator<Buffer> {
  const { aggregator, registry, metricPrefix, instanceLabel } = sources;
  const hosts = aggregator.shownHosts();
  const labels = hostLabels(hosts, instanceLabel);
  const groups = groupFamilies(hosts);
  yield* paced(chunksOf(hosts, labels, groups, metricPrefix, format));
  yield Buffer.from(await ownMetrics(registry, format));
}

function* chunksOf(
  hosts: readonly Host[],
  labels: ReadonlyMap<Host, Labels>,
  groups: readonly FamilyGroup[],
  metricPrefix: string,
  format: Format,
): Generator<Buffer> {
  for (const family of builtInFamilies(hosts, labels, groups, metricPrefix)) {
    yield Buffer.from(writeSmallFamily(family, format));
  }
  const buffer = new LineBuffer();
  for (const { definition, members } of groups) {
    let isHeadWritten = false;
    for (const [host, family] of members) {
      const writer = new FamilyWriter(family.view(), labelText(labels.get(host)!, definition.labels), buffer);
      for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) {
        if (!isHeadWritten) yield Buffer.from(familyHead(definition.name, definition.help, definition.type, format));
        isHeadWritten = true;
        yield chunk;
      }
    }
  }
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
