import { createHash } from 'node:crypto';
import { randomInteger, seededRandom } from '../../lib/random.js';
import type { MapModel } from './map-model.js';
import { callsMap, functionsMap, latencyMap, queuesMap } from './map-models.js';
import { COMMANDS } from './event-model.js';

/** What a made-up host is: all of it follows from the seed and the host's number. */
export interface HostPlan {
  readonly hostId: string;
  readonly bootId: string;
  readonly name: string;
  readonly kernelRelease: string;
  readonly architecture: Architecture;
  readonly littleEndian: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly probes: readonly ProbePlan[];
  readonly random: () => number;
}

/** One config of a host, its maps, and the buffer that feeds it, if one does. */
export interface ProbePlan {
  /** Name of the YAML in `configs/`. */
  readonly config: string;
  readonly maps: readonly MapModel[];
  /** Kinds of events; undefined without a buffer. */
  readonly eventKinds: number | undefined;
}

export interface FleetPlan {
  readonly seed: number;
  /** Label sets a host, more or less. */
  readonly seriesPerHost: number;
  /** One of these each. */
  readonly architectures: readonly Architecture[];
}

/** As `uname -m` says; s390x is big endian. */
export const ARCHITECTURES = ['x86_64', 'aarch64', 's390x'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

const KERNELS = ['5.15.0-119-generic', '6.1.0-28-amd64', '6.8.0-45-generic', '6.12.6-cloud'];
const RACKS = 8;
/** Series that one kind of event makes: a counter a command, a gauge, a histogram. */
const SERIES_A_KIND = COMMANDS + 2;

/** Share of a host's series that a config has, and what it is made of. */
const PROBES: readonly { share: number; plan: (series: number) => ProbePlan }[] = [
  {
    share: 0.6,
    plan: (series) => ({
      config: 'sim-calls',
      maps: [callsMap(Math.ceil(series * 0.95)), queuesMap(Math.ceil(series * 0.05))],
      eventKinds: undefined,
    }),
  },
  {
    share: 0.25,
    plan: (series) => ({ config: 'sim-functions', maps: [functionsMap(series)], eventKinds: undefined }),
  },
  { share: 0.03, plan: (series) => ({ config: 'sim-latency', maps: [latencyMap(series)], eventKinds: undefined }) },
  {
    share: 0.12,
    plan: (series) => ({
      config: 'sim-events',
      maps: [],
      eventKinds: Math.max(1, Math.round(series / SERIES_A_KIND)),
    }),
  },
];

/** Host `number` of a fleet, counted from 1. */
export function planHost(fleet: FleetPlan, number: number): HostPlan {
  const id = createHash('sha256').update(`sonde-simulate:${fleet.seed}:${number}`).digest('hex');
  const random = seededRandom(Number.parseInt(id.slice(32, 40), 16));
  const architecture = fleet.architectures[randomInteger(random, fleet.architectures.length)]!;
  const chosen = PROBES.filter(() => random() < 0.75);
  const probes = chosen.length > 0 ? chosen : [PROBES[randomInteger(random, PROBES.length)]!];
  const shares = probes.reduce((sum, { share }) => sum + share, 0);
  return {
    hostId: id.slice(0, 32),
    bootId: id.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    name: `sim-${String(number).padStart(4, '0')}`,
    kernelRelease: KERNELS[randomInteger(random, KERNELS.length)]!,
    architecture,
    littleEndian: architecture !== 's390x',
    labels: { rack: `r${number % RACKS}` },
    probes: probes.map(({ share, plan }) => plan(Math.ceil((fleet.seriesPerHost * share) / shares))),
    random,
  };
}
