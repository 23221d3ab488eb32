import type { HeldPartition } from '../../aggregator.js';
import { labelText, type Labels } from '../../host-labels.js';
import type { Host } from '../../host.js';
import { PARTITION_LABEL } from '../../rollup/rollup-spec.js';
import type { FamilyDefinition } from '../../series/family.js';
import type { FamilyView } from '../../series/family-view.js';
import type { SmallFamily } from './small-family.js';

/** One partition's part of a sum. */
export interface RollupPart {
  readonly definition: FamilyDefinition;
  /** Labels of all its series, as they are written. */
  readonly common: Buffer;
  /** What it is now, in steps with empty chunks between them; undefined when there is nothing. */
  readonly total: () => Generator<Buffer, FamilyView | undefined>;
}

/** A sum over hosts, in parts that can be added. */
export interface ShownRollup {
  readonly definition: FamilyDefinition;
  readonly parts: readonly RollupPart[];
}

const NOTHING = Buffer.alloc(0);

/** The sums that there are in these partitions. A name that a metric has, or another type elsewhere, is left out. */
export function shownRollups(partitions: readonly HeldPartition[], taken: ReadonlySet<string>): ShownRollup[] {
  const shown = new Map<string, { definition: FamilyDefinition; parts: RollupPart[] }>();
  for (const { partition, isShown } of partitions) {
    for (const rollup of isShown ? partition.rollups.all : []) {
      const { definition } = rollup;
      if (definition === undefined || taken.has(definition.name)) continue;
      const common = labelText({ instance: '', [PARTITION_LABEL]: String(partition.number) });
      const part = { definition, common, total: () => withTurns(partition.rollups.total(rollup)) };
      const known = shown.get(definition.name);
      if (known === undefined) shown.set(definition.name, { definition, parts: [part] });
      else if (known.definition.type === definition.type) known.parts.push(part);
    }
  }
  return [...shown.values()];
}

/** Hosts whose metric is not in a sum. */
export function leftOutFamily(partitions: readonly HeldPartition[], labels: ReadonlyMap<Host, Labels>): SmallFamily {
  return {
    name: 'sonde_rollup_left_out',
    help: 'Hosts whose metric is not in a sum over hosts, and why: it is another there, or the host has come back and may be counted already',
    type: 'gauge',
    samples: partitions
      .filter(({ isShown }) => isShown)
      .flatMap(({ partition }) => partition.rollups.leftOut())
      .map(({ host, rollup, reason }) => ({ labels: { ...labels.get(host), rollup, reason }, value: 1 })),
  };
}

function* withTurns<T>(steps: Generator<void, T>): Generator<Buffer, T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield NOTHING;
  }
}
