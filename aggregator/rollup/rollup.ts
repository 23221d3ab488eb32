import type { Labels } from '../host-labels.js';
import type { Host } from '../host.js';
import { Cells } from '../series/cells.js';
import { Family, savedDefinition, type FamilyDefinition, type FamilyMeta } from '../series/family.js';
import type { FamilyView } from '../series/family-view.js';
import type { Saved } from '../state/saved.js';
import { GroupLabels } from './group-labels.js';
import type { RollupSpec } from './rollup-spec.js';
import { differenceFrom, isSummable, sumDefinition, type LeftOutReason } from './summable.js';
import { MAX_SUMS, SumView } from './sum-view.js';

/** How often a sum is begun anew in turns, when it changes under it; then it is made in one go. */
const MAX_TRIES = 3;

/** A host as a sum sees it. */
export interface Summand {
  readonly host: Host;
  /** Those of its labels that any sum keeps, as they are in force. */
  labels: Labels;
  /** False: what it has counted so far is in a sum already, or nobody knows. */
  isCounted: boolean;
}

/**
 * One metric summed over the hosts of one partition. What hosts have now is added up when somebody looks; what must stay although
 * it is in no host any more is in the base: cells that are added to theirs, modulo 2^64. So a base can be less than nothing.
 */
export class Rollup {
  readonly spec: RollupSpec;
  #base: Family | undefined;
  /** Dropped whenever label sets may be gone, or go elsewhere. */
  #view: SumView | undefined;
  /** Raised whenever what is in the base and what is in the hosts change places. */
  #version = 0;

  constructor(spec: RollupSpec) {
    this.spec = spec;
  }

  /** That of the sum; undefined as long as no host has had the metric. */
  get definition(): FamilyDefinition | undefined {
    return this.#base?.definition;
  }

  /** The first host that has the metric says what it is. */
  adopt({ host }: Summand): void {
    const family = host.store.get(this.spec.metric);
    if (this.#base === undefined && family !== undefined && isSummable(family)) this.#begin(family);
  }

  /** When no host has the metric any more as it was, and some have it in another way, the sum begins anew as theirs: true then. */
  renew(summands: Iterable<Summand>): boolean {
    if (this.#base === undefined) return false;
    const families = [...summands].flatMap(({ host }) => host.store.get(this.spec.metric) ?? []);
    const { definition } = this.#base;
    if (families.some((family) => differenceFrom(definition, family) === undefined)) return false;
    // Not the first in memory, whose order a restored state does not keep.
    const next = families.filter(isSummable).sort((a, b) => (kindOf(a) < kindOf(b) ? -1 : 1))[0];
    if (next !== undefined) this.#begin(next);
    return next !== undefined;
  }

  /** Why a host that has the metric is not in the sum. */
  leftOut({ host, isCounted }: Summand): LeftOutReason | undefined {
    const family = host.store.get(this.spec.metric);
    if (family === undefined) return undefined;
    if (this.#base === undefined) return 'aggregate';
    const difference = differenceFrom(this.#base.definition, family);
    return difference ?? (isCounted || family.definition.type === 'gauge' ? undefined : 'returned');
  }

  /** What a host's metric has counted so far goes to the base (`sign` 1), or is taken from it, because the host has it again (-1). */
  move(summand: Summand, labels: Labels, sign: 1 | -1): void {
    const family = summand.host.store.get(this.spec.metric);
    if (family !== undefined) this.moveFamily(family, labels, sign);
  }

  /** The same of a metric that the host does not have any more. */
  moveFamily(family: Family, labels: Labels, sign: 1 | -1): void {
    if (!this.#isKept(family)) return;
    const groups = new GroupLabels(this.spec.by, family.definition.labels, labels);
    for (let series = 0; series < family.size; series++) this.#move(family, series, groups, sign);
  }

  /** Series of a host's metric have ended, and what they counted has become `other`'s: here it stays where it was. */
  moveEnded(family: Family, before: FamilyView, ended: Iterable<number>, labels: Labels): void {
    if (!this.#isKept(family)) return;
    const groups = new GroupLabels(this.spec.by, family.definition.labels, labels);
    if (groups.isConstant) return;
    for (const series of ended) {
      this.#move(before, series, groups, 1);
      groups.read(family.otherText, 0, family.otherText.length);
      this.#add(before, series, groups, -1);
    }
  }

  /** Label sets may be gone, or go elsewhere. */
  forget(): void {
    this.#version++;
    this.#view = undefined;
  }

  /** The sum as it is now, in steps between which the event loop can have its turn; undefined when there is nothing to sum. */
  *total(summands: () => Iterable<Summand>): Generator<void, FamilyView | undefined> {
    for (let tries = 0; ; tries++) {
      const version = this.#version;
      const steps = this.#total([...summands()]);
      let step = steps.next();
      while (step.done !== true) {
        if (tries < MAX_TRIES) yield;
        step = steps.next();
      }
      if (version === this.#version) return step.value;
    }
  }

  save(): Saved<FamilyMeta> | undefined {
    return this.#base?.save();
  }

  restore(saved: Parameters<Family['restore']>[0]): void {
    this.#base = new Family(savedDefinition(saved.meta), { cap: MAX_SUMS });
    this.#base.restore(saved);
    this.forget();
  }

  *#total(summands: readonly Summand[]): Generator<void, FamilyView | undefined> {
    const base = this.#base;
    if (base === undefined) return undefined;
    // A gauge forgets label sets with the hosts that had them.
    const view =
      base.definition.type === 'gauge' ? new SumView(base.definition) : (this.#view ??= new SumView(base.definition));
    const sums = new Cells();
    yield* view.add(sums, base, new GroupLabels(this.spec.by, this.spec.by, {}));
    for (const summand of summands) {
      const family = summand.host.store.get(this.spec.metric);
      if (family === undefined || this.leftOut(summand) !== undefined) continue;
      yield* view.add(sums, family, new GroupLabels(this.spec.by, family.definition.labels, summand.labels));
    }
    return view.end(sums);
  }

  /** Whether what the metric has counted is kept when it is gone: of a gauge there is nothing to keep. */
  #isKept(family: Family): boolean {
    this.forget();
    const sum = this.#base?.definition;
    return sum !== undefined && sum.type !== 'gauge' && differenceFrom(sum, family) === undefined;
  }

  #move(from: FamilyView, series: number, groups: GroupLabels, sign: 1 | -1): void {
    const { arena, starts } = from.table;
    groups.read(arena, starts[series]!, starts[series + 1]!);
    this.#add(from, series, groups, sign);
  }

  #add({ cells, stride }: FamilyView, series: number, groups: GroupLabels, sign: 1 | -1): void {
    const base = this.#base!;
    const to = base.series(groups.bytes, groups.length) * stride;
    if (sign === 1) base.cells.addCells(to, cells, series * stride, stride, 'u64');
    else base.cells.subtractCells(to, cells, series * stride, stride);
  }

  #begin(family: Family): void {
    this.#base = new Family(sumDefinition(this.spec, family), { cap: MAX_SUMS });
    this.forget();
  }
}

function kindOf({ definition: { type, buckets, numbers, aggregate } }: Family): string {
  return JSON.stringify([type, numbers ?? '', aggregate ?? '', buckets?.multiplier ?? 0, buckets?.layout ?? '']);
}
