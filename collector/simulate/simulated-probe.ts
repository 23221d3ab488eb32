import { layoutToMessage } from '../../wire/layout-message.js';
import { WHOLE_U64 } from '../../wire/layout/value.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { MapPoller } from '../source/map-poller.js';
import { EVENT_LAYOUT } from './event-model.js';
import type { ProbePlan } from './host-plan.js';
import type { Fact, MapModel } from './map-model.js';
import { BUFFER_NAME, SimulatedBuffer } from './simulated-buffer.js';
import { SimulatedMap } from './simulated-map.js';

type ManifestConfig = NonNullable<Extract<FrameBody, { case: 'manifest' }>['value']['configs']>[number];

export interface SimulatedProbeOptions {
  readonly plan: ProbePlan;
  readonly configId: number;
  /** Text of the config. */
  readonly yaml: Uint8Array;
  readonly littleEndian: boolean;
  readonly hasRoom: (bytes: number) => boolean;
  /** Takes frames of records_seq; resolves when they are acknowledged. */
  readonly publish: (body: FrameBody) => Promise<void>;
  readonly onFact: (fact: Fact) => void;
}

interface Polled {
  readonly map: SimulatedMap;
  readonly mapId: number;
  poller: MapPoller;
  /** The bus has all that the last read saw. */
  isAcknowledged: boolean;
}

/** A config of a made-up host: its maps with the collector's own pollers, and its buffer. */
export class SimulatedProbe {
  readonly #options: SimulatedProbeOptions;
  readonly #maps: readonly Polled[];
  readonly buffer: SimulatedBuffer | undefined;
  #epoch = 0;

  constructor(options: SimulatedProbeOptions) {
    const { plan, littleEndian, hasRoom, publish } = options;
    this.#options = options;
    this.#maps = plan.maps.map((model, mapId) => {
      const map = new SimulatedMap(model, littleEndian);
      return { map, mapId, poller: this.#poller(map, mapId), isAcknowledged: true };
    });
    if (plan.eventKinds === undefined) return;
    this.buffer = new SimulatedBuffer({ kinds: plan.eventKinds, littleEndian, hasRoom, publish });
  }

  get maps(): readonly SimulatedMap[] {
    return this.#maps.map(({ map }) => map);
  }

  get config(): string {
    return this.#options.plan.config;
  }

  /** Sources that count events. */
  get sources(): number {
    return this.#maps.length + (this.buffer === undefined ? 0 : 1);
  }

  /** Everything that the maps' last reads saw is acknowledged. */
  get isAcknowledged(): boolean {
    return this.#maps.every(({ isAcknowledged }) => isAcknowledged);
  }

  /** Loads the probe anew: its maps begin from nothing. A new session counts its loads anew. */
  load(epoch: number): void {
    this.#epoch = epoch;
    for (const polled of this.#maps) {
      polled.map.load();
      polled.poller = this.#poller(polled.map, polled.mapId);
      polled.isAcknowledged = false;
    }
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Events for one source, by its number. */
  run(source: number, events: number, random: () => number): void {
    const polled = this.#maps[source];
    if (polled !== undefined) return polled.map.run(events, random);
    const { configId } = this.#options;
    this.buffer?.drain(events, { configId, epoch: this.#epoch, mapId: this.#maps.length }, random);
  }

  /** Reads all maps as the collector does; true when the bus has acknowledged it all. */
  async poll(publish: (body: FrameBody) => Promise<void>, keyframe: boolean): Promise<boolean> {
    for (const polled of this.#maps) {
      try {
        await polled.poller.poll((body) => publish(this.#inHostOrder(body)), { keyframe, onDemand: false });
        polled.map.acknowledge();
        polled.isAcknowledged = true;
      } catch {
        // As in a collector: the next poll sends again what was not acknowledged. The bus that failed counts it.
        polled.isAcknowledged = false;
      }
    }
    return this.isAcknowledged;
  }

  churn(share: number, random: () => number): void {
    for (const { map, isAcknowledged } of this.#maps) if (isAcknowledged) map.churn(share, random);
  }

  /** What the Manifest says of it. */
  manifest(): ManifestConfig {
    const { plan, configId, yaml } = this.#options;
    const maps: NonNullable<ManifestConfig['maps']> = plan.maps.map((model, id) => shapeOf(model, id));
    if (plan.eventKinds !== undefined) {
      maps.push({
        id: maps.length,
        name: BUFFER_NAME,
        type: 'ringbuf',
        maxEntries: 1 << 18,
        value: layoutToMessage(EVENT_LAYOUT),
      });
    }
    return {
      id: configId,
      name: plan.config,
      yaml,
      epoch: this.#epoch,
      maps,
      programs: [
        { name: 'simulate', section: 'tp_btf/sys_enter', id: configId + 1, tag: '0', loaded: true, attached: true },
      ],
    };
  }

  /** How full the maps are. */
  fill(): { config: string; map: string; entries: bigint; maxEntries: bigint }[] {
    return this.maps.map(({ name, count, maxEntries }) => ({
      config: this.config,
      map: name,
      entries: BigInt(count),
      maxEntries: BigInt(maxEntries),
    }));
  }

  #poller(map: SimulatedMap, mapId: number): MapPoller {
    const { configId, onFact } = this.#options;
    const { model } = map;
    return new MapPoller({
      map,
      configId,
      epoch: this.#epoch,
      mapId,
      rising: [WHOLE_U64],
      ...(model.fact !== undefined && {
        onNewKey: (_keys: Uint8Array, offset: number) => onFact(model.fact!(map.keyAt(offset))),
      }),
    });
  }

  /** Values as a big-endian kernel has them: rows are read as this machine's own. */
  #inHostOrder(body: FrameBody): FrameBody {
    if (this.#options.littleEndian || body.case !== 'mapRows') return body;
    const values = Buffer.from(body.value.values ?? []).swap64();
    return { case: 'mapRows', value: { ...body.value, values } };
  }
}

function shapeOf(model: MapModel, id: number): NonNullable<ManifestConfig['maps']>[number] {
  return {
    id,
    name: model.name,
    type: model.type,
    keySize: model.keyLayout.size,
    valueSize: 8,
    maxEntries: model.maxEntries,
    key: layoutToMessage(model.keyLayout),
  };
}
