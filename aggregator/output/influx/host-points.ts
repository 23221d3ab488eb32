import type { Host } from '../../host.js';
import type { FamilyView } from '../../series/family-view.js';
import type { LabelTable } from '../../series/label-table.js';
import { globOf } from '../../series/limits.js';
import { FamilyPoints } from './family-points.js';
import type { PointBuffer } from './point-buffer.js';
import { influxName, SeriesHeads } from './series-heads.js';
import { writeTagValue } from './tag-escape.js';
import { Thinning } from './thinning.js';

/** Labels of the metrics that fit `metric` which become string fields. */
export interface FieldRule {
  /** Name of a metric, `*` for any text. */
  readonly metric: string;
  readonly labels: readonly string[];
}

export interface HostPointsOptions {
  /** Tag with the host's name. */
  readonly hostTag: string;
  /** The first that fits a metric counts. */
  readonly fields: readonly FieldRule[];
  /** 0: every series is written each time. Otherwise one that has not changed only after this time. */
  readonly heartbeatMs: number;
}

/** What is kept of a metric of one host. */
interface Known {
  readonly hostTags: string;
  readonly heads: SeriesHeads;
  readonly thinning: Thinning | undefined;
}

/** Series looked at before the event loop may have its turn: well below a millisecond. */
const SERIES_A_TURN = 1024;

/** Writes all series of hosts as points, and remembers what of each series never changes. */
export class HostPoints {
  readonly #options: HostPointsOptions;
  readonly #rules: readonly { readonly glob: RegExp; readonly labels: readonly string[] }[];
  readonly #known = new WeakMap<LabelTable, Known>();

  constructor(options: HostPointsOptions) {
    this.#options = options;
    this.#rules = options.fields.map(({ metric, labels }) => ({ glob: globOf(metric), labels }));
  }

  /**
   * Writes the host's series with its newest time. Yields every 1,024 series, and whenever the buffer is full: it is to be
   * emptied then. Nothing may be applied to the host meanwhile.
   */
  *write(host: Host, buffer: PointBuffer): Generator<void> {
    const tags = this.#hostTags(host);
    const { heartbeatMs } = this.#options;
    for (const family of host.store.families()) {
      const view = family.view();
      const { heads, thinning } = this.#knownOf(view, tags);
      const points = new FamilyPoints(view, heads, host.timeNs, { thinning, heartbeatMs });
      while (points.write(buffer, SERIES_A_TURN)) yield;
      if (buffer.isFull || buffer.hasRefused) yield;
    }
    yield;
  }

  /** Tags that tell the host's series from those of others. */
  #hostTags({ id, manifest }: Host): ReadonlyMap<string, string> {
    const facts = manifest?.host;
    // The id, too: of two hosts with one name neither may overwrite the other's points.
    const tags = { ...facts?.labels, [this.#options.hostTag]: facts?.hostname || id };
    return new Map([...Object.entries(tags), ['host_id', id]]);
  }

  #knownOf({ definition, table }: FamilyView, hostTags: ReadonlyMap<string, string>): Known {
    const { name, labels } = definition;
    const text = tagText(hostTags, labels);
    const known = this.#known.get(table);
    if (known?.hostTags === text) return known;
    const fields = this.#rules.find(({ glob }) => glob.test(name))?.labels ?? [];
    const made = {
      hostTags: text,
      heads: new SeriesHeads(name, text, labels, fields),
      thinning: this.#options.heartbeatMs > 0 ? new Thinning() : undefined,
    };
    this.#known.set(table, made);
    return made;
  }
}

/** `,name=value…`, escaped, without those tags that the series have themselves and those that are empty. */
function tagText(tags: ReadonlyMap<string, string>, labels: readonly string[]): string {
  return [...tags]
    .filter(([name, value]) => value !== '' && (name === 'host_id' || !labels.includes(name)))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `,${name === 'host_id' ? name : influxName(name, [])}=${writeTagValue(value)}`)
    .join('');
}
