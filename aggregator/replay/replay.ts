import type { ConsumedRecord } from '../../wire/bus.js';
import type { ProbeConfig } from '../../wire/config/schema.js';
import { SondeError } from '../../wire/errors.js';
import type { Facts } from '../decode/facts.js';
import { hostLabels } from '../host-labels.js';
import type { Host } from '../host.js';
import { LineBuffer } from '../output/prometheus/family-writer.js';
import { Partition, type PartitionOptions } from '../partition.js';
import type { FamilyDefinition } from '../series/family.js';
import { familySamples } from './family-samples.js';
import { ReplacedConfigs } from './replaced-configs.js';
import { SampleSorter, type SampleSorterOptions } from './sample-sorter.js';
import type { CompareEntries } from './sorted-run.js';
import { endText, headText, sampleText, type ReplayFormat, type SampleText } from './sample-text.js';

const NS_PER_MS = 1_000_000n;
/** Characters that are gathered before they are handed on. */
const CHUNK_CHARACTERS = 64 * 1024;
/** Problems that are told apart. */
const MAX_PROBLEMS = 1000;

export interface ReplayOptions {
  /** Time between two samples of a series, by its host's clock. */
  readonly stepMs: number;
  /** Take the place of those that frames were recorded under, by name. */
  readonly configs: readonly ProbeConfig[];
  readonly metricPrefix: string;
  readonly maxSeriesPerMetric: number;
  /** Defaults for metrics by name; the config's own come first. */
  readonly limits?: PartitionOptions['limits'];
  /** Label that names the host; undefined: none. */
  readonly instanceLabel: string | undefined;
  readonly sorter: SampleSorterOptions;
  /** Is shown a host whenever its series are sampled, and takes what it needs at once; then nothing is kept for `text`. */
  readonly onSample?: ((host: Host) => void) | undefined;
}

export interface ReplaySummary {
  readonly frames: number;
  readonly hosts: number;
  readonly samples: number;
  /** Frames that were left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Keys and records that could not be decoded. */
  readonly decodeErrors: number;
  /** Symbols, devices and the like that nobody looked up then: they are `unknown…` now. */
  readonly unknownFacts: number;
  /** What cannot be served, and on how many hosts. */
  readonly problems: ReadonlyMap<string, number>;
  /** Configs that were to be replaced and that no host had, and those that there were. */
  readonly unused: ReturnType<ReplacedConfigs['unused']>;
}

/** What is known of a host while it is replayed. */
interface Replayed {
  readonly number: number;
  /** Time of the last sample. */
  sampledMs: number;
  /** Those of the session that runs, and the answers that earlier ones lacked. */
  facts: Facts;
  unknownFacts: number;
  /** Of its metrics, by their numbers. */
  readonly definitions: Map<number, FamilyDefinition>;
}

/**
 * Decodes recorded frames again, and samples all series at each step of their host's time. What comes out follows from the
 * records and the options alone.
 */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #stepNs: bigint;
  readonly #configs: ReplacedConfigs;
  readonly #partitions = new Map<number, Partition>();
  readonly #hosts = new Map<Host, Replayed>();
  /** Hosts by number. */
  readonly #numbered: Host[] = [];
  /** Name and type of each metric, by number. */
  readonly #families: string[] = [];
  readonly #familyNumbers = new Map<string, number>();
  readonly #sorter: SampleSorter;
  readonly #buffer = new LineBuffer();
  readonly #leftOut = new Map<string, number>();
  readonly #problems = new Map<string, Set<string>>();
  #frames = 0;
  #samples = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#stepNs = BigInt(Math.round(options.stepMs)) * NS_PER_MS;
    this.#configs = new ReplacedConfigs(options.configs, this.#problem);
    this.#sorter = new SampleSorter(options.sorter, this.#compare);
  }

  /** Applies a record; partitions may come in any order, a partition's records in theirs. What cannot be applied is counted. */
  take(number: number, record: ConsumedRecord): void {
    const partition = this.#partition(number);
    this.#frames++;
    try {
      partition.apply(record, (bytes) => {
        const frame = this.#configs.decode(bytes);
        const host = partition.hosts.get(frame.hostId);
        // The first frame of a new step: what has been applied is what there was at the end of the last.
        if (host !== undefined && this.#beginsStep(host, frame.anchor?.realtimeNs ?? 0n)) this.#sample(host);
        return frame;
      });
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      this.#leftOut.set(reason, (this.#leftOut.get(reason) ?? 0) + 1);
    }
    const host = partition.hosts.get(record.key);
    if (host !== undefined) this.#follow(host);
  }

  /** Samples all hosts as they are in the end. After all records. */
  end(): void {
    for (const host of this.#hosts.keys()) this.#sample(host);
  }

  /** Everything that was sampled, and the last of all hosts. Once, after all records. Text of one character a byte (`latin1`). */
  *text(format: ReplayFormat): Generator<string> {
    this.end();
    let chunk = '';
    for (const part of this.#parts(format)) {
      chunk += part;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      chunk = '';
    }
    yield chunk + endText(format);
  }

  summary(): ReplaySummary {
    const hosts = [...this.#hosts];
    return {
      frames: this.#frames,
      hosts: hosts.length,
      samples: this.#samples,
      leftOut: this.#leftOut,
      decodeErrors: hosts.reduce((sum, [host]) => sum + errorsOf(host), 0),
      unknownFacts: hosts.reduce((sum, [, { unknownFacts, facts }]) => sum + unknownFacts + facts.misses, 0),
      problems: new Map([...this.#problems].map(([problem, on]) => [problem, on.size])),
      unused: this.#configs.unused(),
    };
  }

  /** Removes temporary files. Idempotent. */
  close(): void {
    this.#sorter.close();
  }

  #partition(number: number): Partition {
    let partition = this.#partitions.get(number);
    if (partition === undefined) {
      const { metricPrefix, maxSeriesPerMetric, limits } = this.#options;
      partition = new Partition(number, {
        metricPrefix,
        maxSeriesPerMetric,
        ...(limits !== undefined && { limits }),
        onProblem: this.#problem,
        // A host that is silent for a day is still in the recording.
        hostTtlMs: Infinity,
      });
      this.#partitions.set(number, partition);
    }
    return partition;
  }

  readonly #problem = (host: string, config: string, message: string): void => {
    const problem = `${config}: ${message}`;
    const hosts = this.#problems.get(problem);
    if (hosts !== undefined) hosts.add(host);
    else if (this.#problems.size < MAX_PROBLEMS) this.#problems.set(problem, new Set([host]));
  };

  #beginsStep(host: Host, timeNs: bigint): boolean {
    return timeNs / this.#stepNs > host.timeNs / this.#stepNs;
  }

  #follow(host: Host): void {
    const known = this.#hosts.get(host);
    if (known === undefined) {
      const number = this.#numbered.push(host) - 1;
      this.#hosts.set(host, { number, sampledMs: -1, facts: host.facts, unknownFacts: 0, definitions: new Map() });
    } else if (known.facts !== host.facts) {
      known.unknownFacts += known.facts.misses;
      known.facts = host.facts;
    }
  }

  /** Takes the host's series as they are, at the time of its last frame. */
  #sample(host: Host): void {
    const replayed = this.#hosts.get(host);
    const timeMs = Number(host.timeNs / NS_PER_MS);
    if (replayed === undefined || timeMs <= replayed.sampledMs) return;
    replayed.sampledMs = timeMs;
    if (this.#options.onSample !== undefined) {
      this.#options.onSample(host);
      return;
    }
    for (const family of host.store.families()) {
      const number = this.#familyNumber(family.definition);
      replayed.definitions.set(number, family.definition);
      for (const { key, lines } of familySamples(family, this.#buffer)) {
        this.#sorter.add({ family: number, host: replayed.number, timeMs, key, lines });
        this.#samples++;
      }
    }
  }

  #familyNumber({ name, type }: FamilyDefinition): number {
    const family = `${name} ${type}`;
    let number = this.#familyNumbers.get(family);
    if (number === undefined) this.#familyNumbers.set(family, (number = this.#families.push(family) - 1));
    return number;
  }

  /** By name, then by the host's id: numbers are given as metrics and hosts come, which partitions do in no certain order. */
  readonly #compare: CompareEntries = (one, other) => {
    if (one.family !== other.family) return this.#families[one.family]! < this.#families[other.family]! ? -1 : 1;
    if (one.host !== other.host) return this.#numbered[one.host]!.id < this.#numbered[other.host]!.id ? -1 : 1;
    return Buffer.compare(one.key, other.key) || one.timeMs - other.timeMs;
  };

  *#parts(format: ReplayFormat): Generator<string> {
    const labels = hostLabels([...this.#numbered], this.#options.instanceLabel);
    let [family, host, name, isLeftOut] = [-1, -1, '', false];
    let write: SampleText = () => '';
    for (const entry of this.#sorter.sorted()) {
      if (entry.family !== family || entry.host !== host) {
        const of = this.#numbered[entry.host]!;
        const definition = this.#hosts.get(of)!.definitions.get(entry.family)!;
        if (entry.family !== family) {
          isLeftOut = definition.name === name;
          if (isLeftOut) this.#problem(of.id, name, `has another type on other hosts: as ${definition.type} left out`);
          else yield headText(definition, format);
        }
        [family, host, name] = [entry.family, entry.host, definition.name];
        write = sampleText(definition, labels.get(of)!, format);
      }
      if (!isLeftOut) yield write(entry.lines, entry.timeMs);
    }
  }
}

function errorsOf(host: Host): number {
  return [...host.decodeErrors().values()].reduce((sum, errors) => sum + errors, 0);
}

/** Why a frame is left out, as the aggregator counts it; undefined for a fault of the program. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof SondeError) return error.code.toLowerCase();
  return error instanceof RangeError ? 'frame_malformed' : undefined;
}
