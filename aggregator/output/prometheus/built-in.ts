import type { Host } from '../../host.js';
import type { Config, Health, Program } from '../../../wire/frame.js';
import type { SeriesStore } from '../../series/store.js';
import type { Sample, SmallFamily } from './small-family.js';

/** What is known without the maps: CONFIG.md's built-in metrics, and Sonde's own of hosts and series. */
export function builtInFamilies(hosts: readonly Host[], store: SeriesStore, prefix: string): SmallFamily[] {
  const families = [...store.families()];
  const configs = hosts.flatMap((host) => host.manifest?.configs ?? []);
  const programs = configs.flatMap((config) => config.programs.map((program) => ({ config, program })));
  const loaded = programs.filter(({ program }) => program.loaded);
  const health = hosts.flatMap((host) => (host.health === undefined ? [] : [host.health]));
  return [
    {
      name: `${prefix}enabled_configs`,
      help: 'The set of enabled configs',
      type: 'gauge',
      samples: configs.map((config) => ({ labels: { name: config.name }, value: 1 })),
    },
    {
      name: `${prefix}ebpf_program_info`,
      help: 'Info about ebpf programs',
      type: 'gauge',
      samples: loaded.map(({ config, program }) => ({
        labels: { config: config.name, program: program.name, tag: program.tag, id: String(program.id) },
        value: 1,
      })),
    },
    {
      name: `${prefix}ebpf_program_attached`,
      help: 'Whether a program is attached',
      type: 'gauge',
      samples: loaded.map(({ program }) => ({ labels: { id: String(program.id) }, value: program.attached ? 1 : 0 })),
    },
    ...runStats(health, prefix),
    {
      name: `${prefix}decoder_errors_total`,
      help: 'How many times has decoding failed',
      type: 'counter',
      samples: hosts.flatMap((host) =>
        [...host.decodeErrors()].map(([config, value]) => ({ labels: { config }, value })),
      ),
    },
    {
      name: 'sonde_program_up',
      help: 'Whether a program is loaded and attached, and why not',
      type: 'gauge',
      samples: programs.map(({ config, program }) => upSample(config, program)),
    },
    {
      name: 'sonde_lost_total',
      help: "Events or rows lost on the host, by where and why: cumulative over the collector's session",
      type: 'counter',
      samples: health.flatMap((entry) =>
        entry.losses.map(({ hop, reason, config, map, count }) => ({
          labels: { hop, reason, config, map },
          value: count,
        })),
      ),
    },
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
      help: 'Series of a metric',
      type: 'gauge',
      samples: families.map(({ definition, size }) => ({ labels: { metric: definition.name }, value: size })),
    },
    {
      name: 'sonde_series_overflowed_total',
      help: "Label sets that were counted in a metric's one overflow series, because it had too many series",
      type: 'counter',
      samples: families.map(({ definition, overflowed }) => ({
        labels: { metric: definition.name },
        value: overflowed,
      })),
    },
    {
      name: 'sonde_frames_missed_total',
      help: 'Frames of a host that never came, by their sequence numbers',
      type: 'counter',
      samples: hosts.map((host) => ({ labels: {}, value: host.missedFrames })),
    },
  ];
}

function upSample(config: Config, program: Program): Sample {
  const { name, variant, reason } = program;
  return { labels: { config: config.name, program: name, variant, reason }, value: program.attached ? 1 : 0 };
}

/** Run time and count of programs; nothing when the kernel does not keep them (`kernel.bpf_stats_enabled`). */
function runStats(health: readonly Health[], prefix: string): SmallFamily[] {
  const programs = health.filter((entry) => entry.statsEnabled).flatMap((entry) => entry.programs);
  return [
    {
      name: `${prefix}ebpf_program_run_time_seconds`,
      help: 'How long has the program been executing',
      type: 'counter',
      samples: programs.map(({ id, runTimeNs }) => ({ labels: { id: String(id) }, value: Number(runTimeNs) / 1e9 })),
    },
    {
      name: `${prefix}ebpf_program_run_count_total`,
      help: 'How many times has the program been executed',
      type: 'counter',
      samples: programs.map(({ id, runCount }) => ({ labels: { id: String(id) }, value: runCount })),
    },
  ];
}

function fillSamples(health: readonly Health[], field: 'entries' | 'maxEntries'): Sample[] {
  return health.flatMap((entry) =>
    entry.maps.map((map) => ({ labels: { config: map.config, map: map.map }, value: map[field] })),
  );
}
