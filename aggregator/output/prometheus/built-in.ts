import type { FamilyGroup } from '../../family-groups.js';
import type { Labels } from '../../host-labels.js';
import type { HostHop, HostLoss } from '../../host-account.js';
import type { Host } from '../../host.js';
import { ledgerOf } from '../../ledger.js';
import type { Config, Health, Program } from '../../../wire/frame.js';
import type { Sample, SmallFamily } from './small-family.js';

type Entry<T> = readonly [labels: Labels, value: T];

/**
 * What is known without the maps: CONFIG.md's built-in metrics, and Sonde's own of hosts and series.
 * @param labels of each host.
 */
export function builtInFamilies(
  hosts: readonly Host[],
  labels: ReadonlyMap<Host, Labels>,
  groups: readonly FamilyGroup[],
  prefix: string,
): SmallFamily[] {
  const ofHosts = <T>(values: (host: Host) => Iterable<T>): Entry<T>[] =>
    hosts.flatMap((host) => [...values(host)].map((value): Entry<T> => [labels.get(host)!, value]));
  const configs = ofHosts((host) => host.manifest?.configs ?? []);
  const programs = configs.flatMap(([own, config]) =>
    config.programs.map((program): Entry<ProgramOf> => [own, { config, program }]),
  );
  const loaded = programs.filter(([, { program }]) => program.loaded);
  const health = ofHosts((host) => (host.account.health === undefined ? [] : [host.account.health]));
  const ledgers = ofHosts((host) => [ledgerOf(host)]);
  return [
    {
      name: `${prefix}enabled_configs`,
      help: 'The set of enabled configs',
      type: 'gauge',
      samples: samplesOf(configs, ({ name }) => [{ name }, 1]),
    },
    {
      name: `${prefix}ebpf_program_info`,
      help: 'Info about ebpf programs',
      type: 'gauge',
      samples: samplesOf(loaded, ({ config, program: { name, tag, id } }) => [
        { config: config.name, program: name, tag, id: String(id) },
        1,
      ]),
    },
    {
      name: `${prefix}ebpf_program_attached`,
      help: 'Whether a program is attached',
      type: 'gauge',
      samples: samplesOf(loaded, ({ program: { id, attached } }) => [{ id: String(id) }, attached ? 1 : 0]),
    },
    ...runStats(health, prefix),
    {
      name: `${prefix}decoder_errors_total`,
      help: 'How many times has decoding failed',
      type: 'counter',
      samples: samplesOf(
        ofHosts((host) => host.decodeErrors()),
        ([config, count]) => [{ config }, count],
      ),
    },
    {
      name: 'sonde_program_up',
      help: 'Whether a program is loaded and attached, and why not',
      type: 'gauge',
      samples: samplesOf(programs, ({ config, program: { name, variant, reason, attached } }) => [
        { config: config.name, program: name, variant, reason },
        attached ? 1 : 0,
      ]),
    },
    {
      name: 'sonde_lost_total',
      help: 'Records or rows that were lost or left out, by where and why',
      type: 'counter',
      samples: samplesOf(
        ledgers.flatMap(([own, { losses }]) => losses.map((loss): Entry<HostLoss> => [own, loss])),
        ({ hop, reason, config, map, count }) => [{ hop, reason, config, map }, count],
      ),
    },
    ...hopFamilies(ledgers.flatMap(([own, { hops }]) => hops.map((hop): Entry<HostHop> => [own, hop]))),
    {
      name: 'sonde_map_entries',
      help: 'Rows in a map at its last read',
      type: 'gauge',
      samples: fillSamples(health, 'entries'),
    },
    {
      name: 'sonde_map_max_entries',
      help: 'Rows that a map can hold',
      type: 'gauge',
      samples: fillSamples(health, 'maxEntries'),
    },
    {
      name: 'sonde_series',
      help: 'Series of a metric, over all hosts served here',
      type: 'gauge',
      samples: groups.map(({ definition, members }) => ({
        labels: { metric: definition.name },
        value: members.reduce((sum, [, { size }]) => sum + size, 0),
      })),
    },
    {
      name: 'sonde_series_overflowed_total',
      help: 'Rows and events that were counted as other, because a metric had too many series, by the label with the most values',
      type: 'counter',
      samples: groups.flatMap(overflowSamples),
    },
    {
      name: 'sonde_metric_conflicts',
      help: 'Hosts whose series of a metric are left out, because it has another type elsewhere',
      type: 'gauge',
      samples: groups
        .filter(({ conflicts }) => conflicts > 0)
        .map(({ definition, conflicts }) => ({ labels: { metric: definition.name }, value: conflicts })),
    },
    {
      name: 'sonde_frames_missed_total',
      help: 'Frames of a host that never came, by their sequence numbers',
      type: 'counter',
      samples: samplesOf(
        ofHosts((host) => [host.missedFrames]),
        (count) => [{}, count],
      ),
    },
    {
      name: 'sonde_host_clones',
      help: 'Machines that send under one host id at the same time, by name: give each a host id of its own',
      type: 'gauge',
      samples: samplesOf(
        ofHosts((host) => host.clones),
        (hostname) => [{ hostname }, 1],
      ),
    },
  ];
}

/** By the label to blame, which differs from host to host; without one as long as there are not too many series. */
function overflowSamples({ definition, members }: FamilyGroup): Sample[] {
  const sums = new Map<string, number>();
  for (const [, { overflowLabel = '', overflowed }] of members) {
    sums.set(overflowLabel, (sums.get(overflowLabel) ?? 0) + overflowed);
  }
  return [...sums].map(([label, value]) => ({
    labels: { metric: definition.name, ...(label !== '' && { label }) },
    value,
  }));
}

interface ProgramOf {
  readonly config: Config;
  readonly program: Program;
}

/** Samples with the host's labels; a label of the sample's own goes before one of the host's. */
function samplesOf<T>(
  entries: readonly Entry<T>[],
  sample: (value: T) => readonly [Labels, number | bigint],
): Sample[] {
  return entries.map(([own, entry]) => {
    const [labels, value] = sample(entry);
    return { labels: { ...own, ...labels }, value };
  });
}

/** The way of the records, hop by hop: in = out + waiting + what `sonde_lost_total` has of the hop. */
function hopFamilies(hops: readonly Entry<HostHop>[]): SmallFamily[] {
  const of = (field: 'in' | 'out' | 'waiting'): Sample[] =>
    samplesOf(hops, ({ hop, config, map, [field]: count }) => [{ hop, config, map }, count]);
  return [
    {
      name: 'sonde_ledger_in_total',
      help: 'Records that came to a hop on their way from the kernel to the series',
      type: 'counter',
      samples: of('in'),
    },
    {
      name: 'sonde_ledger_out_total',
      help: 'Records that a hop has handed on',
      type: 'counter',
      samples: of('out'),
    },
    {
      name: 'sonde_ledger_waiting',
      help: 'Records that a hop has, and has not handed on yet',
      type: 'gauge',
      samples: of('waiting'),
    },
  ];
}

/** Run time and count of programs; nothing when the kernel does not keep them (`kernel.bpf_stats_enabled`). */
function runStats(health: readonly Entry<Health>[], prefix: string): SmallFamily[] {
  const programs = health
    .filter(([, { statsEnabled }]) => statsEnabled)
    .flatMap(([own, entry]) => entry.programs.map((program): Entry<typeof program> => [own, program]));
  return [
    {
      name: `${prefix}ebpf_program_run_time_seconds`,
      help: 'How long has the program been executing',
      type: 'counter',
      samples: samplesOf(programs, ({ id, runTimeNs }) => [{ id: String(id) }, Number(runTimeNs) / 1e9]),
    },
    {
      name: `${prefix}ebpf_program_run_count_total`,
      help: 'How many times has the program been executed',
      type: 'counter',
      samples: samplesOf(programs, ({ id, runCount }) => [{ id: String(id) }, runCount]),
    },
  ];
}

function fillSamples(health: readonly Entry<Health>[], field: 'entries' | 'maxEntries'): Sample[] {
  return health.flatMap(([own, entry]) =>
    entry.maps.map((map) => ({ labels: { ...own, config: map.config, map: map.map }, value: map[field] })),
  );
}
