import type { BpfMap } from '../../native/types.js';
import type { AnyMetricConfig, ProbeConfig } from '../../wire/config/schema.js';
import { layoutToMessage } from '../../wire/layout-message.js';
import { resolveFields } from '../../wire/layout/fields.js';
import type { HostLookups, LookupKind } from '../facts/host-lookups.js';
import { LOSS_MAP, LossReader } from '../loss-reader.js';
import type { FrameBody } from '../publish/frame-publisher.js';
import { MapPoller } from '../source/map-poller.js';
import { RecordReader } from '../source/record-reader.js';
import type { Probe } from './probe.js';

type ManifestConfig = NonNullable<Extract<FrameBody, { case: 'manifest' }>['value']['configs']>[number];

/** What a probe's readers need of the collector they run in. */
export interface ProbeHost {
  readonly lookups: HostLookups;
  /** A function that publishes what one buffer's drains bring, with that buffer's own clocks. */
  readonly publisher: () => (body: FrameBody) => Promise<void>;
  readonly onError: (buffer: string, error: unknown) => void;
}

type LossMessage = NonNullable<Extract<FrameBody, { case: 'health' }>['value']['losses']>[number];

/** A loaded probe with the readers of its maps and buffers: the unit that is attached, read, told of and closed. */
export class RunningProbe {
  readonly probe: Probe;
  readonly configId: number;
  /** How often this config has been loaded in this session. */
  readonly epoch: number;
  readonly pollers: readonly MapPoller[];
  readonly readers: readonly RecordReader[];
  readonly #losses: LossReader | undefined;
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
    this.pollers = maps.map((map, mapId) => {
      const onNewKey = keyListener(probe, map, host.lookups);
      return new MapPoller({ map, configId, epoch, mapId, ...(onNewKey !== undefined && { onNewKey }) });
    });
    this.readers = buffers.map((map, i) => {
      const onError = (error: unknown): void => host.onError(map.name, error);
      return new RecordReader({ map, configId, epoch, mapId: maps.length + i, publish: host.publisher(), onError });
    });
    const losses = probe.object?.maps.find(({ name }) => name === LOSS_MAP);
    this.#losses = losses === undefined ? undefined : new LossReader(losses);
  }

  /** Everything of this probe that was lost on this host, 0 included. */
  async readLosses(): Promise<LossMessage[]> {
    const config = this.probe.config.name;
    const counted = (await this.#losses?.read()) ?? [];
    return [
      ...counted.map(({ reason, count }) => ({ hop: 'kernel', reason, config, map: '', count })),
      ...this.pollers.flatMap(({ name, tracker }) => [
        // Counts that a row had when it was evicted are lost only as far as no read had seen them.
        { hop: 'kernel', reason: 'suspected_eviction', config, map: name, count: BigInt(tracker.restarted) },
        { hop: 'collector', reason: 'vanished_unsent', config, map: name, count: BigInt(tracker.abandoned) },
      ]),
      ...this.readers.flatMap((reader) => {
        const { lost, oversize } = reader.stats();
        const { backlog, publish } = reader.losses();
        const entry = (hop: string, reason: string, count: bigint): LossMessage => ({
          hop,
          reason,
          config,
          map: reader.name,
          count,
        });
        return [
          entry('kernel', 'perf_buffer_full', lost),
          entry('collector', 'oversize', oversize),
          entry('collector', 'backlog', backlog),
          entry('collector', 'publish', publish),
        ];
      }),
    ];
  }

  /** What the Manifest says of it. */
  manifest(): ManifestConfig {
    const { config, programs } = this.probe;
    const metrics = [...config.counters, ...config.gauges, ...config.histograms];
    return {
      id: this.configId,
      name: config.name,
      yaml: Buffer.from(config.yaml),
      epoch: this.epoch,
      maps: this.#maps.map((map, id) => mapShape(map, id)),
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
    this.probe.close();
  }
}

function mapMetrics(config: ProbeConfig): AnyMetricConfig[] {
  return [...config.counters, ...config.histograms].filter(({ source }) => source.kind === 'map');
}

function bufferNames(config: ProbeConfig): string[] {
  const metrics = [...config.counters, ...config.gauges, ...config.histograms].filter(
    ({ source }) => source.kind !== 'map',
  );
  return [
    ...metrics.map(({ source }) => source.map),
    ...config.spans.map(({ ringbuf }) => ringbuf),
    ...config.events.map(({ ringbuf }) => ringbuf),
  ];
}

/** The maps of these names that an attached program feeds, each once. */
function fed(probe: Probe, names: readonly string[]): BpfMap[] {
  return [...new Set(names)].flatMap((name) => probe.fedMap(name) ?? []);
}

function mapShape(map: BpfMap, id: number): NonNullable<ManifestConfig['maps']>[number] {
  return {
    id,
    name: map.name,
    type: map.type,
    keySize: map.keySize,
    valueSize: map.valueSize,
    maxEntries: map.maxEntries,
    flags: map.flags,
    cpuRows: false,
    ...(map.keyLayout !== null && { key: layoutToMessage(map.keyLayout) }),
    ...(map.valueLayout !== null && { value: layoutToMessage(map.valueLayout) }),
  };
}

/** Notes which facts a new key of this map needs; undefined when it needs none. */
function keyListener(
  probe: Probe,
  map: BpfMap,
  lookups: HostLookups,
): ((keys: Uint8Array, offset: number) => void) | undefined {
  const metrics = mapMetrics(probe.config).filter(({ source }) => source.map === map.name);
  const fields = metrics.flatMap(({ labels }) => resolveFields(labels, map.keyLayout, map.keySize).fields);
  const needs = fields.flatMap((field) => {
    const kind = field.decoders.find(({ name }) => name === 'ksym' || name === 'majorminor')?.name as
      LookupKind | undefined;
    return kind === undefined ? [] : [{ kind, offset: field.offset, size: field.size }];
  });
  if (needs.length === 0) return undefined;
  return (keys, offset) => {
    for (const { kind, offset: at, size } of needs) {
      const bytes = Buffer.from(keys.buffer, keys.byteOffset + offset + at, size);
      lookups.need(kind, size === 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUIntLE(0, size)));
    }
  };
}
