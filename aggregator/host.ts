import { SondeError } from '../wire/errors.js';
import { parseConfig } from '../wire/config/parse.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import {
  unpackU32,
  type Config,
  type Frame,
  type Health,
  type Lookup,
  type Manifest,
  type MapRows,
  type MapShape,
} from '../wire/frame.js';
import { layoutFromMessage } from '../wire/layout-message.js';
import { resolveFields } from '../wire/layout/fields.js';
import { Facts } from './decode/facts.js';
import { bucketsOf } from './series/buckets.js';
import type { FamilyDefinition } from './series/family.js';
import { MapRowsState, type RowColumns } from './series/map-rows.js';
import { RowDecoder } from './series/row-decoder.js';
import type { SeriesStore } from './series/store.js';

/** Facts kept of each kind for one host: more distinct symbols, devices or cgroups than a host has at a time. */
const MAX_FACTS = 262_144;

/** Sessions that are remembered as over: a frame can be late by that many restarts of its collector. */
const MAX_PAST_SESSIONS = 64;

/** Configs that are remembered by name when they are gone; beyond, their decode errors go together. */
const MAX_PAST_CONFIGS = 1024;

/** One config of a host's Manifest, and the state of its maps. */
interface LoadedConfig {
  readonly shape: Config;
  readonly maps: Map<number, LoadedMap>;
  /** Why its metrics cannot be served, if so. */
  readonly problem: string | undefined;
}

interface LoadedMap {
  readonly shape: MapShape;
  /** One for each metric that is made of the map. */
  readonly states: MapRowsState[];
}

export interface HostOptions {
  readonly store: SeriesStore;
  /** Put before every metric name of a config. */
  readonly metricPrefix: string;
  /** Told what a Manifest says that cannot be served. */
  readonly onProblem: (config: string, message: string) => void;
}

/** What one host said, applied frame by frame: the newest session's Manifest, facts, rows and health. */
export class Host {
  readonly id: string;
  readonly #options: HostOptions;
  #session = '';
  readonly #pastSessions = new Set<string>();
  #recordsSeq = 0n;
  #stateSeq = 0n;
  #facts = new Facts(MAX_FACTS);
  #configs = new Map<number, LoadedConfig>();
  /** Decode errors of configs that are no longer loaded. */
  readonly #pastDecodeErrors = new Map<string, number>();
  manifest: Manifest | undefined;
  health: Health | undefined;
  /** Frames of records_seq that never came. */
  missedFrames = 0n;

  constructor(id: string, options: HostOptions) {
    this.id = id;
    this.#options = options;
  }

  /**
   * Applies one frame. Throws a SondeError: `FRAME_MALFORMED` or `FRAME_UNKNOWN_MAP` when its body contradicts the Manifest,
   * `FRAME_LATE` when a newer session has begun, `FRAME_LIMIT`.
   */
  apply(frame: Frame): void {
    const session = Buffer.from(frame.session).toString('hex');
    if (session !== this.#session) this.#begin(session, frame);
    if (!this.#inSequence(frame)) return;
    const { body } = frame;
    switch (body.case) {
      case 'manifest':
        return this.#applyManifest(body.value);
      case 'lookup':
        return this.#applyLookup(body.value);
      case 'mapRows':
        return this.#applyRows(body.value);
      case 'health':
        this.health = body.value;
        return;
      case 'records':
      case undefined:
        throw new SondeError('FRAME_MALFORMED', `this version applies no ${body.case ?? 'empty'} frames`, {
          stage: 'decode',
        });
    }
  }

  /** Decode errors by config, 0 included. */
  decodeErrors(): Map<string, number> {
    const errors = new Map(this.#pastDecodeErrors);
    for (const config of this.#configs.values()) {
      errors.set(config.shape.name, (errors.get(config.shape.name) ?? 0) + errorsOf(config));
    }
    return errors;
  }

  /** A new incarnation of the collector, which says first what it is: what the old one's rows counted stays in the series. */
  #begin(session: string, { body }: Frame): void {
    if (this.#pastSessions.has(session)) {
      throw new SondeError('FRAME_LATE', `${body.case} of session ${session}, which is over`, { stage: 'decode' });
    }
    requireManifest(body);
    this.#pastSessions.add(this.#session);
    if (this.#pastSessions.size > MAX_PAST_SESSIONS) {
      this.#pastSessions.delete(this.#pastSessions.values().next().value!);
    }
    for (const config of this.#configs.values()) this.#retire(config);
    this.#configs = new Map();
    this.#session = session;
    this.#recordsSeq = 0n;
    this.#stateSeq = 0n;
    this.#facts = new Facts(MAX_FACTS);
    this.manifest = undefined;
    this.health = undefined;
  }

  #retire(config: LoadedConfig): void {
    const past = this.#pastDecodeErrors;
    const isRoom = past.size < MAX_PAST_CONFIGS || past.has(config.shape.name);
    const name = isRoom ? config.shape.name : 'other';
    this.#pastDecodeErrors.set(name, (this.#pastDecodeErrors.get(name) ?? 0) + errorsOf(config));
  }

  /** False for a frame that is a repetition. */
  #inSequence(frame: Frame): boolean {
    if (frame.stateSeq > 0n) {
      if (frame.stateSeq <= this.#stateSeq) return false;
      this.#stateSeq = frame.stateSeq;
      return true;
    }
    if (frame.recordsSeq <= this.#recordsSeq) return false;
    this.missedFrames += frame.recordsSeq - this.#recordsSeq - 1n;
    this.#recordsSeq = frame.recordsSeq;
    return true;
  }

  #applyManifest(manifest: Manifest): void {
    this.manifest = manifest;
    const previous = this.#configs;
    this.#configs = new Map();
    for (const shape of manifest.configs) {
      const known = previous.get(shape.id);
      if (known !== undefined && known.shape.epoch === shape.epoch) {
        this.#configs.set(shape.id, { ...known, shape });
        previous.delete(shape.id);
      } else {
        this.#configs.set(shape.id, this.#load(shape));
      }
    }
    for (const gone of previous.values()) this.#retire(gone);
  }

  #load(shape: Config): LoadedConfig {
    try {
      const config = parseConfig(shape.name, `${shape.name}.yaml`, Buffer.from(shape.yaml).toString());
      return { shape, maps: this.#bind(config, shape), problem: undefined };
    } catch (error) {
      if (!(error instanceof SondeError)) throw error;
      this.#options.onProblem(shape.name, error.message);
      return { shape, maps: new Map(), problem: error.message };
    }
  }

  /** Each metric to the map of its name. Maps that no metric reads, and metrics that are silent here, are left out. */
  #bind(config: ProbeConfig, shape: Config): Map<number, LoadedMap> {
    const silent = new Set(shape.silentMetrics);
    const maps = new Map<number, LoadedMap>();
    for (const metric of [...config.counters, ...config.histograms]) {
      const map = shape.maps.find((map) => map.name === metric.source.map);
      if (map === undefined || silent.has(metric.name)) continue;
      const { fields, problems } = resolveFields(
        metric.labels,
        map.key === undefined ? null : layoutFromMessage(map.key),
        map.keySize,
        { perCpu: map.cpuRows },
      );
      if (problems.length > 0)
        throw new SondeError('LAYOUT', `metric ${metric.name}: ${problems.map(({ message }) => message).join('; ')}`, {
          stage: 'decode',
        });
      const definition: FamilyDefinition = {
        name: this.#options.metricPrefix + metric.name,
        help: metric.help,
        type: metric.type,
        labels: fields.map((field) => field.name).slice(0, metric.type === 'histogram' ? -1 : undefined),
        ...(metric.type === 'histogram' && { buckets: bucketsOf(metric) }),
      };
      const decoder = new RowDecoder(this.#options.store.family(definition), fields);
      const state = new MapRowsState(decoder, map.maxEntries);
      const loaded = maps.get(map.id);
      if (loaded === undefined) maps.set(map.id, { shape: map, states: [state] });
      else loaded.states.push(state);
    }
    return maps;
  }

  #applyLookup(lookup: Lookup): void {
    if (lookup.ids.length !== lookup.names.length) {
      throw new SondeError('FRAME_MALFORMED', `lookup of ${lookup.ids.length} ids and ${lookup.names.length} names`, {
        stage: 'decode',
      });
    }
    lookup.ids.forEach((id, i) => this.#facts.set(lookup.kind, id, lookup.names[i]!));
  }

  #applyRows(rows: MapRows): void {
    const config = this.#configs.get(rows.configId);
    // Rows of a load that is over: its Manifest came first, so they are late, and the newer load has its own.
    if (config !== undefined && config.shape.epoch !== rows.epoch) return;
    if (config?.problem !== undefined) return;
    const map = config?.maps.get(rows.mapId);
    if (map === undefined) {
      throw new SondeError(
        'FRAME_UNKNOWN_MAP',
        `rows of map ${rows.configId}/${rows.mapId}, which the Manifest does not name`,
        {
          stage: 'decode',
        },
      );
    }
    const columns = columnsOf(rows, map.shape);
    for (const state of map.states) state.apply(columns, { facts: this.#facts });
  }
}

/** Throws when a frame is the first of its host or session and is no Manifest: without one nothing can be made of it. */
export function requireManifest(body: Frame['body']): void {
  if (body.case === 'manifest') return;
  throw new SondeError('FRAME_UNKNOWN_MAP', `${body.case} of a session whose Manifest has not come`, {
    stage: 'decode',
  });
}

function errorsOf(config: LoadedConfig): number {
  let errors = 0;
  for (const map of config.maps.values()) for (const state of map.states) errors += state.decodeErrors;
  return errors;
}

function columnsOf(rows: MapRows, shape: MapShape): RowColumns {
  const count = rows.slots.length / 4;
  const keySize = shape.keySize + (shape.cpuRows ? 2 : 0);
  const fits =
    Number.isInteger(count) &&
    rows.generations.length === count * 4 &&
    rows.keys.length === count * keySize &&
    rows.values.length === count * shape.valueSize &&
    shape.valueSize === 8;
  if (!fits) {
    throw new SondeError(
      'FRAME_MALFORMED',
      `columns of map ${shape.name} do not fit ${count} rows of ${keySize}+${shape.valueSize} bytes`,
      {
        stage: 'decode',
      },
    );
  }
  return {
    count,
    slots: unpackU32(rows.slots),
    generations: unpackU32(rows.generations),
    keys: rows.keys,
    keySize,
    values: unpackU32(rows.values),
  };
}
