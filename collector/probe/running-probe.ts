import type { BpfMap } from '../../native/types.js';
import type { AnyMetricConfig, LabelConfig, ProbeConfig } from '../../wire/config/schema.js';
import { metricsOf } from '../../wire/config/metrics-of.js';
import { layoutToMessage } from '../../wire/layout-message.js';
import { hasCpuRows, resolveFields } from '../../wire/layout/fields.js';
import type { HostAnswers } from '../facts/host-answers.js';
import { SourceFacts } from '../facts/source-facts.js';
import { LOSS_MAP, LossReader, type CountedLoss } from '../loss-reader.js';
import type { DrainClock } from '../publish/drain-clock.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import type { LaneItem } from '../publish/records-lane.js';
import { MapPoller } from '../source/map-poller.js';
import { RecordReader } from '../source/record-reader.js';
import type { CgroupIdMap } from './cgroup-id-map.js';
import { mapValues } from './map-values.js';
import type { Probe } from './probe.js';
import type { PastProbe } from './past-ledger.js';
import { probeLedger, type Ledger } from './probe-ledger.js';

type ManifestConfig = NonNullable<Extract<FrameBody, { case: 'manifest' }>['value']['configs']>[number];

/** Of one folded number. */
const FOLD_BYTES = 8;

/** What a probe's readers need of the collector they run in. */
export interface ProbeHost {
  readonly answers: HostAnswers;
  /** Takes the frames that a buffer's drains bring. */
  readonly push: (items: readonly LaneItem[]) => void;
  /** Clocks for one buffer. */
  readonly clock: () => DrainClock;
  readonly onError: (buffer: string, error: unknown) => void;
  /** Keeps the cgroups that a config chooses in its map. */
  readonly followCgroups: (config: ProbeConfig, map: BpfMap) => CgroupIdMap;
}

/** A map that is read, and what its keys need. */
export interface PolledMap {
  readonly poller: MapPoller;
  readonly facts: SourceFacts;
}

/** A loaded probe with the readers of its maps and buffers: the unit that is attached, read, told of and closed. */
export class RunningProbe {
  readonly probe: Probe;
  readonly configId: number;
  /** How often this config has been loaded in this session. */
  readonly epoch: number;
  readonly polled: readonly PolledMap[];
  readonly readers: readonly RecordReader[];
  /** Of all readers. */
  readonly #recordFacts: readonly SourceFacts[];
  readonly #losses: LossReader | undefined;
  readonly #cgroupIdMap: CgroupIdMap | undefined;
  /** Maps, then buffers: the position is the number in Manifest and frames. */
  readonly #maps: readonly BpfMap[];

  constructor(probe: Probe, configId: number, epoch: number, host: ProbeHost) {
    this.probe = probe;
    this.configId = configId;
    this.epoch = epoch;
    const maps = fed(
      probe,
      mapMetrics(probe.config).map(({ source }) => source.map),
    );
    const buffers = fed(probe, bufferNames(probe.config));
    this.#maps = [...maps, ...buffers];
    this.polled = maps.map((map, mapId) => {
      const facts = new SourceFacts(keyFields(probe.config, map), host.answers);
      const onNewKey = (keys: Uint8Array, offset: number): void => facts.noteKey(keys, offset);
      const values = mapValues(metricsOfMap(probe.config, map), map);
      const cpuRows = splitsCpus(probe.config, map);
      const options = { map, configId, epoch, mapId, cpuRows, ...values };
      const poller = new MapPoller({ ...options, ...(facts.isNeeded && { onNewKey }) });
      return { poller, facts };
    });
    this.#recordFacts = buffers.map((map) => new SourceFacts(recordFields(probe.config, map), host.answers));
    this.readers = buffers.map((map, i) => {
      const facts = this.#recordFacts[i]!;
      return new RecordReader({
        map,
        configId,
        epoch,
        mapId: maps.length + i,
        clock: host.clock(),
        ...(facts.isNeeded && { facts }),
        push: host.push,
        onError: (error) => host.onError(map.name, error),
      });
    });
    const losses = probe.object?.maps.find(({ name }) => name === LOSS_MAP);
    this.#losses = losses === undefined ? undefined : new LossReader(losses);
    const chosen = probe.object?.maps.find(({ name }) => name === probe.config.cgroupIdMap?.name);
    this.#cgroupIdMap = chosen === undefined ? undefined : host.followCgroups(probe.config, chosen);
  }

  get pollers(): readonly MapPoller[] {
    return this.polled.map(({ poller }) => poller);
  }

  /** Facts that records need are said again before the next that needs them. */
  renewRecordFacts(): void {
    for (const facts of this.#recordFacts) facts.renew();
  }

  /** Facts that keys need are said again by the keyframe that follows. */
  renewKeyFacts(): void {
    for (const { facts } of this.polled) facts.renew();
  }

  async readLedger(): Promise<Ledger> {
    const { probe, pollers, readers } = this;
    return probeLedger({ config: probe.config.name, counted: await this.#counted(), pollers, readers });
  }

  /** Counts nothing any more; what has been counted can still be read. */
  detach(): void {
    this.probe.detach();
  }

  /** Its account as it is now, for when it is closed. */
  async past(): Promise<PastProbe> {
    const { probe, pollers, readers, configId, epoch } = this;
    return {
      configId,
      epoch,
      config: probe.config.name,
      counted: await this.#counted(),
      pollers: pollers.map(({ name, tracker: { restarted, abandoned } }) => ({
        name,
        tracker: { restarted, abandoned },
      })),
      readers: readers.map((reader) => {
        const { name, type, mapId, account } = reader;
        const stats = reader.stats();
        return { name, type, mapId, account, stats: () => stats };
      }),
    };
  }

  /** What its programs count as lost, and what they never saw. */
  async #counted(): Promise<CountedLoss[]> {
    const byPrograms = (await this.#losses?.read()) ?? [];
    return [...byPrograms, { reason: 'recursion', count: this.probe.recursionMisses() }];
  }

  /** What the Manifest says of it. */
  manifest(): ManifestConfig {
    const { config, programs } = this.probe;
    const metrics = metricsOf(config);
    return {
      id: this.configId,
      name: config.name,
      yaml: Buffer.from(config.yaml),
      epoch: this.epoch,
      maps: this.#maps.map((map, id) => mapShape(config, map, id)),
      programs: programs.map((program) => ({ ...program })),
      silentMetrics: metrics
        .filter((metric) => this.probe.fedMap(metric.source.map) === undefined)
        .map(({ name }) => name),
    };
  }

  close(): void {
    for (const poller of this.pollers) poller.close();
    for (const reader of this.readers) reader.close();
    this.#losses?.close();
    this.#cgroupIdMap?.close();
    this.probe.close();
  }
}

function mapMetrics(config: ProbeConfig): AnyMetricConfig[] {
  return metricsOf(config).filter(({ source }) => source.kind === 'map');
}

/** The metrics that are made of a map. */
function metricsOfMap(config: ProbeConfig, map: BpfMap): AnyMetricConfig[] {
  return mapMetrics(config).filter(({ source }) => source.map === map.name);
}

function bufferMetrics(config: ProbeConfig): AnyMetricConfig[] {
  return metricsOf(config).filter(({ source }) => source.kind !== 'map');
}

function bufferNames(config: ProbeConfig): string[] {
  return [
    ...bufferMetrics(config).map(({ source }) => source.map),
    ...config.spans.map(({ ringbuf }) => ringbuf),
    ...config.events.map(({ ringbuf }) => ringbuf),
  ];
}

/** The maps of these names that an attached program feeds, each once. */
function fed(probe: Probe, names: readonly string[]): BpfMap[] {
  return [...new Set(names)].flatMap((name) => probe.fedMap(name) ?? []);
}

function mapShape(config: ProbeConfig, map: BpfMap, id: number): NonNullable<ManifestConfig['maps']>[number] {
  const { folds = [] } = mapValues(metricsOfMap(config, map), map);
  return {
    id,
    name: map.name,
    type: map.type,
    keySize: map.keySize,
    valueSize: folds.length === 0 ? map.valueSize : folds.length * FOLD_BYTES,
    folds: folds.map(({ offset, size, op, signed = false }) => ({ offset, size, op, signed })),
    maxEntries: map.maxEntries,
    flags: map.flags,
    cpuRows: splitsCpus(config, map),
    ...(map.keyLayout !== null && { key: layoutToMessage(map.keyLayout) }),
    ...(map.valueLayout !== null && { value: layoutToMessage(map.valueLayout) }),
  };
}

/** Whether a metric keeps the map's CPUs apart; those of its metrics that do not add them up again. */
function splitsCpus(config: ProbeConfig, map: BpfMap): boolean {
  return metricsOfMap(config, map).some(({ labels }) => hasCpuRows(labels, map.perCpu));
}

function keyFields(config: ProbeConfig, map: BpfMap): ReturnType<typeof resolveFields>['fields'] {
  const { keyLayout, keySize, perCpu } = map;
  return metricsOfMap(config, map).flatMap(
    ({ labels }) => resolveFields(labels, keyLayout, keySize, { perCpu }).fields,
  );
}

function recordFields(config: ProbeConfig, map: BpfMap): ReturnType<typeof resolveFields>['fields'] {
  const layout = map.valueLayout;
  return labelsOfRecords(config, map.name).flatMap(
    (labels) => resolveFields(labels, layout, layout?.size ?? null, { record: true }).fields,
  );
}

/** The labels of everything that is made of this buffer's records. */
function labelsOfRecords(config: ProbeConfig, buffer: string): (readonly LabelConfig[])[] {
  return [
    ...bufferMetrics(config).filter(({ source }) => source.map === buffer),
    ...[...config.spans, ...config.events].filter(({ ringbuf }) => ringbuf === buffer),
  ].map(({ labels }) => labels);
}
