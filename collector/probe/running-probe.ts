import type { BpfMap } from '../../native/types.js';
import type { FrameInit } from '../../wire/frame.js';
import { layoutToMessage } from '../../wire/layout-message.js';
import { resolveFields } from '../../wire/layout/fields.js';
import type { HostLookups, LookupKind } from '../facts/host-lookups.js';
import { LOSS_MAP, LossReader } from '../loss-reader.js';
import { MapPoller } from '../source/map-poller.js';
import type { Probe } from './probe.js';

type ManifestConfig = NonNullable<
  Extract<NonNullable<FrameInit['body']>, { case: 'manifest' }>['value']['configs']
>[number];

/** A loaded probe with the readers of its maps: the unit that is attached, read, told of and closed. */
export class RunningProbe {
  readonly probe: Probe;
  readonly configId: number;
  /** How often this config has been loaded in this session. */
  readonly epoch: number;
  readonly pollers: readonly MapPoller[];
  readonly losses: LossReader | undefined;
  readonly #maps: readonly BpfMap[];

  constructor(probe: Probe, configId: number, epoch: number, lookups: HostLookups) {
    const { config } = probe;
    this.probe = probe;
    this.configId = configId;
    this.epoch = epoch;
    // Each once, however many metrics are made of it.
    const names = new Set([...config.counters, ...config.histograms].map((metric) => metric.source.map));
    this.#maps = [...names].flatMap((name) => probe.fedMap(name) ?? []);
    this.pollers = this.#maps.map((map, mapId) => {
      const onNewKey = keyListener(probe, map, lookups);
      return new MapPoller({ map, configId, epoch, mapId, ...(onNewKey !== undefined && { onNewKey }) });
    });
    const losses = probe.object?.maps.find(({ name }) => name === LOSS_MAP);
    this.losses = losses === undefined ? undefined : new LossReader(losses);
  }

  /** What the Manifest says of it. */
  manifest(): ManifestConfig {
    const { config, programs } = this.probe;
    const metrics = [...config.counters, ...config.histograms];
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
    this.losses?.close();
    this.probe.close();
  }
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
  const metrics = [...probe.config.counters, ...probe.config.histograms].filter(
    ({ source }) => source.map === map.name,
  );
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
