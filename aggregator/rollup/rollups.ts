import type { Labels } from '../host-labels.js';
import type { Host } from '../host.js';
import { FAMILY_ARRAYS, type Family, type FamilyMeta } from '../series/family.js';
import type { FamilyView } from '../series/family-view.js';
import { GONE } from '../series/expiry.js';
import { chunked, joined } from '../state/saved.js';
import { Rollup, type Summand } from './rollup.js';
import type { RollupSpec } from './rollup-spec.js';

/** Why the metric of a host is not in a sum. */
export interface LeftOut {
  readonly host: Host;
  readonly rollup: string;
  readonly reason: string;
}

interface SavedRollup {
  readonly spec: RollupSpec;
  /** Of the base; absent as long as no host has had the metric. */
  readonly base?: FamilyMeta;
  /** Bytes of each of its arrays. */
  readonly lengths?: Readonly<Record<string, number>>;
}

/** The sums over the hosts of one partition, and what happens to hosts that matters to them. What they hold follows from the log alone. */
export class Rollups {
  readonly all: readonly Rollup[];
  readonly #kept: ReadonlySet<string>;
  readonly #summands = new Map<Host, Summand>();
  /** Raised by everything that is saved. */
  version = 0;

  constructor(specs: readonly RollupSpec[]) {
    this.all = specs.map((spec) => new Rollup(spec));
    this.#kept = new Set(specs.flatMap(({ by }) => by));
  }

  /** A host has said what it is: for the first time, or again. What it counted under other labels stays there. */
  described(host: Host): void {
    if (this.all.length === 0) return;
    const labels = this.#labelsOf(host);
    const known = this.#summands.get(host);
    const summand = known ?? { host, labels, isCounted: host.returnedUntilMs === undefined };
    this.#summands.set(host, summand);
    if (!sameLabels(summand.labels, labels)) this.#relabel(summand, labels);
    for (const rollup of this.all) rollup.adopt(summand);
    this.version++;
  }

  /** What a returned host has by now counts no more; what comes from now on does. */
  counted(host: Host): void {
    this.#change(host, (summand) => {
      if (summand.isCounted) return;
      summand.isCounted = true;
      for (const rollup of this.all) rollup.move(summand, summand.labels, -1);
    });
  }

  /** A host has gone: what it has counted stays. */
  left(host: Host): void {
    this.#change(host, (summand) => {
      if (summand.isCounted) for (const rollup of this.all) rollup.move(summand, summand.labels, 1);
      this.#summands.delete(host);
    });
  }

  /** A host has a metric no more, or another of that name. */
  familyEnded(host: Host, family: Family): void {
    this.#change(host, ({ labels, isCounted }) => {
      if (isCounted) for (const rollup of this.#of(family)) rollup.moveFamily(family, labels, 1);
    });
  }

  /**
   * Series of a host's metric have ended.
   * @param before the metric as it was before.
   * @param numbers new number of each of its series, {@link GONE} of those that have ended.
   */
  seriesEnded(host: Host, family: Family, before: FamilyView, numbers: Uint32Array): void {
    const rollups = this.#of(family);
    if (rollups.length === 0) return;
    this.#change(host, ({ labels, isCounted }) => {
      const ended = [...numbers.keys()].filter((series) => numbers[series] === GONE);
      if (isCounted) for (const rollup of rollups) rollup.moveEnded(family, before, ended, labels);
    });
  }

  /** To be called now and then, by the clock of the log. */
  renew(): void {
    for (const rollup of this.all) if (rollup.renew(this.#summands.values())) this.version++;
  }

  total(rollup: Rollup): Generator<void, FamilyView | undefined> {
    return rollup.total(() => this.#summands.values());
  }

  leftOut(): LeftOut[] {
    return this.all.flatMap((rollup) =>
      [...this.#summands.values()].flatMap((summand) => {
        const reason = rollup.leftOut(summand);
        return reason === undefined ? [] : { host: summand.host, rollup: rollup.spec.name, reason };
      }),
    );
  }

  /** All that there is to know of the bases, as sections: views. */
  *save(): Generator<readonly [string, Uint8Array]> {
    const saved = this.all.map((rollup) => ({ spec: rollup.spec, base: rollup.save() }));
    const meta = saved.map(({ spec, base }): SavedRollup => {
      if (base === undefined) return { spec };
      const lengths = Object.fromEntries(FAMILY_ARRAYS.map((array) => [array, base.arrays[array]!.length]));
      return { spec, base: base.meta, lengths };
    });
    yield ['meta', Buffer.from(JSON.stringify(meta))];
    for (const [number, { base }] of saved.entries()) {
      for (const array of base === undefined ? [] : FAMILY_ARRAYS)
        yield* chunked(`${number}-${array}`, base!.arrays[array]!);
    }
  }

  /** Makes the bases what `save` has told; that of a sum which the settings have changed begins anew. To be called before hosts are described. */
  restore(sections: ReadonlyMap<string, Uint8Array>): void {
    const meta = JSON.parse(Buffer.from(sections.get('meta')!).toString()) as SavedRollup[];
    for (const [number, { spec, base, lengths }] of meta.entries()) {
      const rollup = this.all.find((one) => sameSpec(one.spec, spec));
      if (rollup === undefined || base === undefined) continue;
      const arrays = Object.fromEntries(
        FAMILY_ARRAYS.map((array) => {
          const bytes = joined(`${number}-${array}`, sections);
          if (bytes.length !== lengths![array])
            throw new Error(`${bytes.length} of ${lengths![array]} bytes of ${array}`);
          return [array, bytes];
        }),
      );
      rollup.restore({ meta: base, arrays });
    }
  }

  #change(host: Host, change: (summand: Summand) => void): void {
    const summand = this.#summands.get(host);
    if (summand === undefined) return;
    change(summand);
    this.version++;
  }

  #relabel(summand: Summand, labels: Labels): void {
    for (const rollup of summand.isCounted ? this.all : []) {
      rollup.move(summand, summand.labels, 1);
      rollup.move(summand, labels, -1);
    }
    for (const rollup of this.all) rollup.forget();
    summand.labels = labels;
  }

  #of(family: Family): Rollup[] {
    return this.all.filter(({ spec }) => spec.metric === family.definition.name);
  }

  /** Those of a host's labels that any sum keeps. */
  #labelsOf({ manifest }: Host): Labels {
    return Object.fromEntries(Object.entries(manifest?.host?.labels ?? {}).filter(([name]) => this.#kept.has(name)));
  }
}

function sameSpec(one: RollupSpec, other: RollupSpec): boolean {
  const by = (spec: RollupSpec): string => JSON.stringify([...spec.by].sort());
  return one.metric === other.metric && one.name === other.name && by(one) === by(other);
}

function sameLabels(one: Labels, other: Labels): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
