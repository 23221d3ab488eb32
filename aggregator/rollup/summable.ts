import type { Family, FamilyDefinition } from '../series/family.js';
import type { RollupSpec } from './rollup-spec.js';

/** Why the series of a host are not in a sum. */
export type LeftOutReason = 'type' | 'buckets' | 'numbers' | 'aggregate' | 'returned';

/** Definition of the sum of a metric like this one. */
export function sumDefinition({ name, by }: RollupSpec, { definition }: Family): FamilyDefinition {
  const { help, type, buckets, numbers, aggregate } = definition;
  return {
    name,
    help: `${wordOf(aggregate)} over hosts: ${help}`,
    type,
    labels: by,
    ...(buckets !== undefined && { buckets }),
    ...(numbers !== undefined && { numbers }),
    ...(aggregate !== undefined && { aggregate }),
  };
}

function wordOf(aggregate: FamilyDefinition['aggregate']): string {
  if (aggregate === undefined) return 'Sum';
  return aggregate === 'min' ? 'Least' : 'Greatest';
}

/** Whether the hosts' series of a metric can become one at all: of which host the last value is nobody could tell. */
export function isSummable({ definition }: Family): boolean {
  return definition.aggregate !== 'last';
}

/** Why this metric of a host cannot be added to a sum; undefined when it can. */
export function differenceFrom(sum: FamilyDefinition, family: Family): LeftOutReason | undefined {
  const { type, buckets, numbers } = family.definition;
  if (!isSummable(family) || family.definition.aggregate !== sum.aggregate) return 'aggregate';
  if (type !== sum.type) return 'type';
  // Equal bounds can be written in two units, which the sums of values are in, too.
  if (buckets?.layout !== sum.buckets?.layout || buckets?.multiplier !== sum.buckets?.multiplier) return 'buckets';
  return numbers === sum.numbers ? undefined : 'numbers';
}
