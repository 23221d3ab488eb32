import type { Family, FamilyDefinition } from '../series/family.js';
import type { RollupSpec } from './rollup-spec.js';

/** Why the series of a host are not in a sum. */
export type LeftOutReason = 'type' | 'buckets' | 'numbers' | 'aggregate' | 'returned';

/** Definition of the sum of a metric like this one. */
export function sumDefinition({ name, by }: RollupSpec, { definition }: Family): FamilyDefinition {
  const { help, type, buckets, numbers } = definition;
  return {
    name,
    help: `Sum over hosts: ${help}`,
    type,
    labels: by,
    ...(buckets !== undefined && { buckets }),
    ...(numbers !== undefined && { numbers }),
  };
}

/** Whether the series of a metric can be added up at all: not those of which only the last value, or the largest, is kept. */
export function isSummable({ limits }: Family): boolean {
  return limits.keepsLast !== true;
}

/** Why this metric of a host cannot be added to a sum; undefined when it can. */
export function differenceFrom(sum: FamilyDefinition, family: Family): LeftOutReason | undefined {
  const { type, buckets, numbers } = family.definition;
  if (!isSummable(family)) return 'aggregate';
  if (type !== sum.type) return 'type';
  // Equal bounds can be written in two units, which the sums of values are in, too.
  if (buckets?.bounds.join() !== sum.buckets?.bounds.join() || buckets?.multiplier !== sum.buckets?.multiplier)
    return 'buckets';
  return numbers === sum.numbers ? undefined : 'numbers';
}
