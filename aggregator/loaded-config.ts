import { SondeError } from '../wire/errors.js';
import { parseConfig } from '../wire/config/parse.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import { unpackU32, type Config, type MapRows, type MapShape } from '../wire/frame.js';
import { layoutFromMessage } from '../wire/layout-message.js';
import { resolveFields } from '../wire/layout/fields.js';
import type { DecodeContext } from './decode/decoder.js';
import { bucketsOf } from './series/buckets.js';
import type { Family, FamilyDefinition } from './series/family.js';
import { MapRowsState, type RowColumns } from './series/map-rows.js';
import { RowDecoder } from './series/row-decoder.js';

interface LoadedMap {
  readonly shape: MapShape;
  /** One for each metric that is made of the map. */
  readonly states: MapRowsState[];
}

export interface LoadOptions {
  /** Put before every metric name. */
  readonly metricPrefix: string;
  /** The family of a definition. Throws `METRIC_CONFLICT` or `FRAME_LIMIT`. */
  readonly family: (definition: FamilyDefinition) => Family;
}

/** One config of a host's Manifest, and the state of its maps. */
export class LoadedConfig {
  /** What the newest Manifest says of it. */
  shape: Config;
  /** Why its metrics cannot be served, if so. */
  readonly problem: string | undefined;
  readonly #maps: ReadonlyMap<number, LoadedMap>;

  private constructor(shape: Config, maps: ReadonlyMap<number, LoadedMap>, problem?: string) {
    this.shape = shape;
    this.problem = problem;
    this.#maps = maps;
  }

  /** Never throws for what the Manifest says: a config that cannot be served has a `problem`. */
  static load(shape: Config, options: LoadOptions): LoadedConfig {
    try {
      const config = parseConfig(shape.name, `${shape.name}.yaml`, Buffer.from(shape.yaml).toString());
      return new LoadedConfig(shape, bind(config, shape, options));
    } catch (error) {
      if (!(error instanceof SondeError)) throw error;
      return new LoadedConfig(shape, new Map(), error.message);
    }
  }

  *states(): Generator<MapRowsState> {
    for (const map of this.#maps.values()) yield* map.states;
  }

  get decodeErrors(): number {
    let errors = 0;
    for (const state of this.states()) errors += state.decodeErrors;
    return errors;
  }

  /** Throws a SondeError `FRAME_UNKNOWN_MAP`, `FRAME_MALFORMED` or `FRAME_LIMIT`. */
  applyRows(rows: MapRows, context: DecodeContext): void {
    if (this.problem !== undefined) return;
    const map = this.#maps.get(rows.mapId);
    if (map === undefined) throw unknownMap(rows);
    const columns = columnsOf(rows, map.shape);
    for (const state of map.states) state.apply(columns, context);
  }
}

/** Rows of a map that the Manifest does not name. */
export function unknownMap({ configId, mapId }: { configId: number; mapId: number }): SondeError {
  const message = `rows of map ${configId}/${mapId}, which the Manifest does not name`;
  return new SondeError('FRAME_UNKNOWN_MAP', message, { stage: 'decode' });
}

/** Each metric to the map of its name. Maps that no metric reads, and metrics that are silent here, are left out. */
function bind(config: ProbeConfig, shape: Config, options: LoadOptions): Map<number, LoadedMap> {
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
      name: options.metricPrefix + metric.name,
      help: metric.help,
      type: metric.type,
      labels: fields.map((field) => field.name).slice(0, metric.type === 'histogram' ? -1 : undefined),
      ...(metric.type === 'histogram' && { buckets: bucketsOf(metric) }),
    };
    const decoder = new RowDecoder(options.family(definition), fields);
    const state = new MapRowsState(decoder, map.maxEntries);
    const loaded = maps.get(map.id);
    if (loaded === undefined) maps.set(map.id, { shape: map, states: [state] });
    else loaded.states.push(state);
  }
  return maps;
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
      { stage: 'decode' },
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
