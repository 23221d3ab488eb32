import { Counter, Gauge, type Registry } from 'prom-client';

/** The map of a `cgroup_id_map`, as far as its metric needs it. */
export interface CountedIdMap {
  readonly config: string;
  /** Cgroups in it. */
  readonly entries: number;
}

/** What the collector says of the cgroups that it knows. Nothing until a config needs them. */
export interface CgroupMetrics {
  readonly watch: Gauge<'mode'>;
  readonly known: Gauge<'state'>;
  readonly walks: Counter<'reason'>;
  readonly overflows: Counter;
  readonly notKept: Counter;
  /** Those that there are. */
  readonly idMaps: Set<CountedIdMap>;
  readonly mapErrors: Counter<'config' | 'reason'>;
}

export function cgroupMetrics(registry: Registry): CgroupMetrics {
  const registers = [registry];
  const idMaps = new Set<CountedIdMap>();
  new Gauge({
    name: 'sonde_cgroup_id_map_entries',
    help: 'Cgroups in the map of a cgroup_id_map',
    labelNames: ['config'],
    registers,
    collect() {
      this.reset();
      for (const { config, entries } of idMaps) this.set({ config }, entries);
    },
  });
  return {
    watch: new Gauge({
      name: 'sonde_cgroup_watch',
      help: '1 for how cgroups that come and go are noticed: fanotify, inotify, or by a walk when one is asked for',
      labelNames: ['mode'],
      registers,
    }),
    known: new Gauge({
      name: 'sonde_cgroups',
      help: 'Cgroups whose path is known: alive, and gone but remembered',
      labelNames: ['state'],
      registers,
    }),
    walks: new Counter({
      name: 'sonde_cgroup_walks_total',
      help: 'Walks through all cgroups, by what asked for them',
      labelNames: ['reason'],
      registers,
    }),
    overflows: new Counter({
      name: 'sonde_cgroup_event_overflows_total',
      help: 'Times that the kernel lost events of cgroups, after which all are looked at again',
      registers,
    }),
    notKept: new Counter({
      name: 'sonde_cgroups_not_kept_total',
      help: 'Times that a cgroup was found and left without a name, because as many as are kept are alive',
      registers,
    }),
    idMaps,
    mapErrors: new Counter({
      name: 'sonde_cgroup_id_map_errors_total',
      help: 'Cgroups that could not be put into the map of a cgroup_id_map or taken out of it',
      labelNames: ['config', 'reason'],
      registers,
    }),
  };
}
