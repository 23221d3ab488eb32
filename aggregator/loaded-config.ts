import { notServed } from '../wire/config/not-served.js';
import { ConfigError, SondeError } from '../wire/errors.js';
import { metricsOf } from '../wire/config/metrics-of.js';
import { parseConfig } from '../wire/config/parse.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import type { Config, MapRows, MapShape, Records } from '../wire/frame.js';
import { bindMetrics, type BindOptions, type BoundMetric } from './bind-metrics.js';
import type { DecodeContext } from './decode/decoder.js';
import type { RecordCounts } from './record-account.js';
import { BufferState } from './series/buffer-state.js';
import { EventState } from './series/event-state.js';
import type { Family } from './series/family.js';
import { MapRowsState } from './series/map-rows.js';
import { recordColumns } from './series/record-columns.js';
import { rowColumns } from './series/row-columns.js';
import { SERVED } from './served.js';

interface LoadedMap {
  readonly shape: MapShape;
  /** One for each metric that is made of the map. */
  readonly states: MapRowsState[];
}

export interface LoadOptions extends BindOptions {
  /** The account of a buffer's records. */
  readonly account: (map: string) => RecordCounts;
}

/** One config of a host's Manifest, and the state of its maps and buffers. */
export class LoadedConfig {
  /** What the newest Manifest says of it. */
  shape: Config;
  /** Why its metrics cannot be served, if so. */
  readonly problem: string | undefined;
  /** Names of all its metrics, those that are silent included; undefined when its YAML cannot be read here. */
  readonly metricNames: ReadonlySet<string> | undefined;
  readonly #maps: ReadonlyMap<number, LoadedMap>;
  readonly #buffers: ReadonlyMap<number, BufferState>;

  private constructor(
    shape: Config,
    options: LoadOptions,
    metrics: readonly BoundMetric[],
    { names, problem }: { names?: ReadonlySet<string> | undefined; problem?: string },
  ) {
    this.shape = shape;
    this.problem = problem;
    this.metricNames = names;
    this.#maps = rowStates(metrics);
    this.#buffers = new Map(
      shape.maps.filter(isBuffer).map((map) => {
        const states = metrics.flatMap(({ map: own, state }) =>
          own === map && state instanceof EventState ? state : [],
        );
        return [map.id, new BufferState(states, options.account(map.name), problem === undefined)];
      }),
    );
  }

  /** Never throws for what the Manifest says: a config that cannot be served has a `problem`. */
  static load(shape: Config, options: LoadOptions): LoadedConfig {
    let names: ReadonlySet<string> | undefined;
    try {
      const config = parseConfig(shape.name, `${shape.name}.yaml`, Buffer.from(shape.yaml).toString());
      names = namesOf(config, options.metricPrefix);
      const missing = notServed(config, SERVED);
      if (missing.length > 0) throw new ConfigError(missing);
      return new LoadedConfig(shape, options, bindMetrics(config, shape, options), { names });
    } catch (error) {
      if (!(error instanceof SondeError)) throw error;
      return new LoadedConfig(shape, options, [], { names, problem: error.message });
    }
  }

  *states(): Generator<MapRowsState> {
    for (const map of this.#maps.values()) yield* map.states;
  }

  /** What each metric of a map makes of a key; see {@link MapRowsState.describe}. */
  describeKey(mapId: number, keys: Uint8Array, offset: number, context: DecodeContext): string[] {
    return (this.#maps.get(mapId)?.states ?? []).map((state) => state.describe(keys, offset, context));
  }

  *families(): Generator<Family> {
    for (const state of this.states()) yield state.family;
    for (const buffer of this.#buffers.values()) for (const state of buffer.states) yield state.family;
  }

  /** Series of a family have new numbers, as from {@link Family.settle}. */
  renumber(family: Family, numbers: Uint32Array): void {
    for (const state of this.states()) if (state.family === family) state.renumber(numbers);
    for (const buffer of this.#buffers.values()) {
      for (const state of buffer.states) if (state.family === family) state.forget();
    }
  }

  /** Of rows of maps. */
  get decodeErrors(): number {
    let errors = 0;
    for (const state of this.states()) errors += state.decodeErrors;
    return errors;
  }

  /** Throws a SondeError `FRAME_UNKNOWN_MAP`, `FRAME_MALFORMED` or `FRAME_LIMIT`. */
  applyRows(rows: MapRows, context: DecodeContext): void {
    if (this.problem !== undefined) return;
    const map = this.#maps.get(rows.mapId);
    if (map === undefined) {
      // No metric reads it, as when its config has been replaced by one that leaves the metric out.
      if (this.shape.maps.some(({ id }) => id === rows.mapId)) return;
      throw unknownMap(rows);
    }
    const columns = rowColumns(rows, map.shape);
    for (const state of map.states) state.apply(columns, context);
  }

  /** Throws a SondeError `FRAME_UNKNOWN_MAP` or `FRAME_MALFORMED`. */
  applyRecords(records: Records, context: DecodeContext): void {
    const buffer = this.#buffers.get(records.mapId);
    if (buffer === undefined) throw unknownMap(records);
    buffer.apply(recordColumns(records), context);
  }
}

function namesOf(config: ProbeConfig, prefix: string): ReadonlySet<string> {
  return new Set(metricsOf(config).map(({ name }) => prefix + name));
}

/** A frame of a map or buffer that the Manifest does not name. */
export function unknownMap({ configId, mapId }: { configId: number; mapId: number }): SondeError {
  const message = `frame of map ${configId}/${mapId}, which the Manifest does not name`;
  return new SondeError('FRAME_UNKNOWN_MAP', message, { stage: 'decode' });
}

function isBuffer({ type }: MapShape): boolean {
  return type === 'ringbuf' || type === 'perf_event_array';
}

function rowStates(metrics: readonly BoundMetric[]): Map<number, LoadedMap> {
  const maps = new Map<number, LoadedMap>();
  for (const { map, state } of metrics) {
    if (!(state instanceof MapRowsState)) continue;
    const loaded = maps.get(map.id);
    if (loaded === undefined) maps.set(map.id, { shape: map, states: [state] });
    else loaded.states.push(state);
  }
  return maps;
}
