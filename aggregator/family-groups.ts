import type { Host } from './host.js';
import type { Family, FamilyDefinition } from './series/family.js';

/** The families of one metric name, over all hosts: what Prometheus calls one family. */
export interface FamilyGroup {
  /** That of the first host. */
  readonly definition: FamilyDefinition;
  readonly members: readonly (readonly [Host, Family])[];
  /** Hosts that are left out, because the metric has another type there. */
  readonly conflicts: number;
}

/** All metrics, in the order in which the first host has them. */
export function groupFamilies(hosts: readonly Host[]): FamilyGroup[] {
  const groups = new Map<string, { definition: FamilyDefinition; members: [Host, Family][]; conflicts: number }>();
  for (const host of hosts) {
    for (const family of host.store.families()) {
      const { definition } = family;
      const group = groups.get(definition.name);
      if (group === undefined) groups.set(definition.name, { definition, members: [[host, family]], conflicts: 0 });
      else if (group.definition.type === definition.type) group.members.push([host, family]);
      else group.conflicts++;
    }
  }
  return [...groups.values()];
}
