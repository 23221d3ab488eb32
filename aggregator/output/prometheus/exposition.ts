import type { Registry } from 'prom-client';
import { labelText } from '../../host-labels.js';
import type { FamilyDefinition } from '../../series/family.js';
import { familyHead, FamilyWriter, LineBuffer, type Format } from './family-writer.js';
import { paced } from './paced.js';
import { shownAt, type Shown, type ShownSources } from './shown.js';
import { writeSmallFamily } from './small-family.js';

/**
 * Everything there is to scrape, in chunks. The event loop gets its turn every few milliseconds, however many series there are,
 * and a scrape that is given up stops writing.
 */
export async function* exposition(sources: ShownSources, format: Format, nowMs = Date.now()): AsyncGenerator<Buffer> {
  yield* paced(chunksOf(shownAt(sources, nowMs), format));
  yield Buffer.from(await ownMetrics(sources.registry, format));
}

function* chunksOf({ builtIn, groups, labels, rollups }: Shown, format: Format): Generator<Buffer> {
  for (const family of builtIn) yield Buffer.from(writeSmallFamily(family, format));
  const buffer = new LineBuffer();
  for (const { definition, members } of groups) {
    const lines = members.map(([host, family]) => () => {
      const common = labelText(labels.get(host)!, definition.labels);
      return linesOf(new FamilyWriter(family.view(), common, buffer, format));
    });
    yield* headed(definition, format, lines);
  }
  for (const { definition, parts } of rollups) {
    const lines = parts.map(
      ({ common, total }) =>
        function* () {
          const view = yield* total();
          if (view !== undefined) yield* linesOf(new FamilyWriter(view, common, buffer));
        },
    );
    yield* headed(definition, format, lines);
  }
}

/** The lines of a family, and its head before them when there are any. */
function* headed(
  { name, help, type }: FamilyDefinition,
  format: Format,
  parts: readonly (() => Iterable<Buffer>)[],
): Generator<Buffer> {
  let isHeadWritten = false;
  for (const part of parts) {
    for (const chunk of part()) {
      if (chunk.length > 0 && !isHeadWritten) {
        yield Buffer.from(familyHead(name, help, type, format));
        isHeadWritten = true;
      }
      yield chunk;
    }
  }
}

function* linesOf(writer: FamilyWriter): Generator<Buffer> {
  for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) yield chunk;
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
  return `${heads.replace(/^\n|\n(?=\n)/g, '')}# EOF\n`;
}
