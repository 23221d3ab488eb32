import { labelText } from '../../../host-labels.js';
import type { Host } from '../../../host.js';
import type { FamilyDefinition } from '../../../series/family.js';
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
  const { groups, labels, rollups, builtIn } = shownAt(sources, nowMs);
  const names = new NamedLines(sources.selectors);
  for (const { members } of groups) {
    for (const [host, family] of members) {
      const timeMs = hostTimeMs(host);
      if (nowMs - Number(timeMs) > lookbackMs) continue;
      const { definition } = family;
      const common = labelText(labels.get(host)!, definition.labels);
      names.addMetric({ definition, common, timeMs, read: () => atOnce(() => family.view()) });
    }
  }
  for (const { definition, common, total } of rollups.flatMap(({ parts }) => parts)) {
    names.addMetric({ definition, common, timeMs: BigInt(nowMs), read: total });
  }
  for (const family of [...builtIn, ...(await ownFamilies(registry))]) names.addSmall(family, BigInt(nowMs));
  yield* paced(names.chunks());
}

/** When the newest frame of a host was made. */
function hostTimeMs({ timeNs }: Host): bigint {
  return timeNs / 1_000_000n;
}

/** The series of a metric that have some labels in common. */
interface Metric {
  readonly definition: FamilyDefinition;
  readonly common: Buffer;
  readonly timeMs: bigint;
  /** In steps, with empty chunks between them. */
  readonly read: () => Generator<Buffer, FamilyView | undefined>;
}

/** What is to be written, by name. */
class NamedLines {
  readonly #selectors: readonly Selector[];
  readonly #lines = new Map<string, Lines[]>();

  constructor(selectors: readonly Selector[]) {
    this.#selectors = selectors;
  }

  addMetric(metric: Metric): void {
    const { name, buckets } = metric.definition;
    if (buckets === undefined) return this.#addPart(metric, 'value', name);
    // All parts of a histogram are of one moment.
    const read = once(metric.read);
    for (const part of ['bucket', 'count', 'sum'] as const) this.#addPart({ ...metric, read }, part, `${name}_${part}`);
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

  #addPart({ definition, common, timeMs, read }: Metric, part: Part, name: string): void {
    const { labels, buckets } = definition;
    const bounds = part === 'bucket' ? [...buckets!.bounds, '+Inf'] : undefined;
    const kind = { name, common, own: labels, ...(bounds !== undefined && { bounds }) };
    const conditions = conditionsOf(this.#selectors, kind);
    if (conditions.length === 0) return;
    this.#add(name, function* () {
      const view = yield* read();
      if (view !== undefined) yield* new SeriesLines({ view, part, name, common, conditions, timeMs }).chunks();
    });
  }

  #add(name: string, lines: Lines): void {
    const known = this.#lines.get(name);
    if (known === undefined) this.#lines.set(name, [lines]);
    else known.push(lines);
  }
}

function* atOnce<T>(read: () => T): Generator<Buffer, T> {
  yield* [];
  return read();
}

function once(read: Metric['read']): Metric['read'] {
  let view: FamilyView | undefined;
  let isRead = false;
  return function* () {
    if (!isRead) view = yield* read();
    isRead = true;
    return view;
  };
}

function ownLabels(samples: SmallFamily['samples']): string[] {
  return [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
}
