import { labelText } from '../../../host-labels.js';
import type { Host } from '../../../host.js';
import type { FamilyView } from '../../../series/family-view.js';
import { paced } from '../paced.js';
import { shownAt, type ShownSources } from '../shown.js';
import { sampleLines, type SmallFamily } from '../small-family.js';
import { conditionsOf, satisfies } from './condition.js';
import { ownFamilies } from './own-families.js';
import type { Selector } from './selector.js';
import { SeriesLines, type Part } from './series-lines.js';

export interface Federation extends ShownSources {
  readonly selectors: readonly Selector[];
  /** Now, in ms since 1970. */
  readonly nowMs: number;
  /** Samples that are older are left out. */
  readonly lookbackMs: number;
}

/** Writes the lines of one name, of one host or of Sonde itself. */
type Lines = () => Iterable<Buffer>;

/**
 * The newest sample of each series that one of the selectors asks for, with its time, in chunks: what Prometheus' own `/federate`
 * gives. Names are in order, and each is an untyped family of its own, as there.
 */
export async function* federation(sources: Federation): AsyncGenerator<Buffer> {
  const { registry, nowMs, lookbackMs } = sources;
  const { groups, labels, builtIn } = shownAt(sources, nowMs);
  const names = new NamedLines(sources.selectors);
  for (const { members } of groups) {
    for (const [host, family] of members) {
      const timeMs = hostTimeMs(host);
      if (nowMs - Number(timeMs) > lookbackMs) continue;
      names.addFamily(family.view(), labelText(labels.get(host)!, family.definition.labels), timeMs);
    }
  }
  for (const family of [...builtIn, ...(await ownFamilies(registry))]) names.addSmall(family, BigInt(nowMs));
  yield* paced(names.chunks());
}

/** When the newest frame of a host was made. */
function hostTimeMs({ timeNs }: Host): bigint {
  return timeNs / 1_000_000n;
}

/** What is to be written, by name. */
class NamedLines {
  readonly #selectors: readonly Selector[];
  readonly #lines = new Map<string, Lines[]>();

  constructor(selectors: readonly Selector[]) {
    this.#selectors = selectors;
  }

  addFamily(view: FamilyView, common: Buffer, timeMs: bigint): void {
    const { name } = view.definition;
    if (view.definition.buckets === undefined) return this.#addPart(view, 'value', name, common, timeMs);
    for (const part of ['bucket', 'count', 'sum'] as const)
      this.#addPart(view, part, `${name}_${part}`, common, timeMs);
  }

  addSmall({ name, samples }: SmallFamily, timeMs: bigint): void {
    const conditions = conditionsOf(this.#selectors, { name, common: Buffer.alloc(0), own: ownLabels(samples) });
    if (conditions.length === 0) return;
    const isAskedFor = (labels: Buffer): boolean =>
      conditions.some((condition) => satisfies(condition, labels, 0, labels.length));
    this.#add(name, () => sampleLines(name, samples, isAskedFor, ` ${timeMs}`));
  }

  *chunks(): Generator<Buffer> {
    for (const name of [...this.#lines.keys()].sort()) {
      let isHeadWritten = false;
      for (const lines of this.#lines.get(name)!) {
        for (const chunk of lines()) {
          if (chunk.length > 0 && !isHeadWritten) {
            yield Buffer.from(`# TYPE ${name} untyped\n`);
            isHeadWritten = true;
          }
          yield chunk;
        }
      }
    }
  }

  #addPart(view: FamilyView, part: Part, name: string, common: Buffer, timeMs: bigint): void {
    const { labels, buckets } = view.definition;
    const bounds = part === 'bucket' ? [...buckets!.bounds, '+Inf'] : undefined;
    const kind = { name, common, own: labels, ...(bounds !== undefined && { bounds }) };
    const conditions = conditionsOf(this.#selectors, kind);
    if (conditions.length === 0) return;
    this.#add(name, () => new SeriesLines({ view, part, name, common, conditions, timeMs }).chunks());
  }

  #add(name: string, lines: Lines): void {
    const known = this.#lines.get(name);
    if (known === undefined) this.#lines.set(name, [lines]);
    else known.push(lines);
  }
}

function ownLabels(samples: SmallFamily['samples']): string[] {
  return [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
}
