import type { Registry } from 'prom-client';
import type { Aggregator } from '../../aggregator.js';
import { groupFamilies, type FamilyGroup } from '../../family-groups.js';
import { hostLabels, type Labels } from '../../host-labels.js';
import type { Host } from '../../host.js';
import { builtInFamilies } from './built-in.js';
import { fleetFamilies } from './fleet-families.js';
import { leftOutFamily, shownRollups, type ShownRollup } from './shown-rollups.js';
import type { SmallFamily } from './small-family.js';

/** Where that comes from which is shown. */
export interface ShownSources {
  readonly aggregator: Pick<Aggregator, 'shownHosts' | 'partitions'>;
  /** Sonde's own metrics, all named `sonde_…`. */
  readonly registry: Registry;
  readonly metricPrefix: string;
  /** Label that names the host; left out in `sonde run`, where Prometheus itself does. */
  readonly instanceLabel?: string;
  /** The series of a host that has sent nothing for so long are not shown until it does; undefined: always shown. */
  readonly silentAfterMs?: number;
}

/** What is shown at one moment. */
export interface Shown {
  /** Metrics of configs, over all hosts that are heard of. */
  readonly groups: readonly FamilyGroup[];
  readonly labels: ReadonlyMap<Host, Labels>;
  readonly rollups: readonly ShownRollup[];
  readonly builtIn: readonly SmallFamily[];
}

/** @param nowMs ms since 1970. */
export function shownAt(sources: ShownSources, nowMs: number): Shown {
  const { aggregator, metricPrefix, instanceLabel, silentAfterMs = Infinity } = sources;
  const hosts = aggregator.shownHosts();
  const heard = hosts.filter(({ lastRecordMs }) => nowMs - lastRecordMs <= silentAfterMs);
  // Of all hosts: a name must not change because another host falls silent.
  const labels = hostLabels(hosts, instanceLabel);
  const groups = groupFamilies(heard);
  const partitions = aggregator.partitions();
  const rollups = shownRollups(partitions, new Set(groups.map(({ definition }) => definition.name)));
  const builtIn = [
    ...builtInFamilies(heard, labels, groups, metricPrefix),
    ...fleetFamilies({ partitions, hosts, heard, labels }),
    leftOutFamily(partitions, labels),
  ];
  return { groups, labels, rollups, builtIn };
}
