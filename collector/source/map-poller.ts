import type { BpfMap, Fold, MapReader } from '../../native/types.js';
import { FRAME_TARGET_BYTES } from '../../wire/frame.js';
import { CPU_SIZE } from '../../wire/layout/fields.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { RowColumns } from './row-columns.js';
import { RowTracker, type RisingMember } from './row-tracker.js';

/** Rows that are taken before others get their turn on the event loop: a few milliseconds, if all are new. */
const SLICE_ROWS = 8192;

/** What is needed of a map to read it. */
export type PolledMap = Pick<BpfMap, 'name' | 'type' | 'keySize' | 'maxEntries' | 'openReader'>;

export interface MapPollerOptions {
  readonly map: PolledMap;
  readonly configId: number;
  readonly epoch: number;
  readonly mapId: number;
  /** Of a per-CPU map: each CPU's value is a row, whose key ends with the CPU's number. */
  readonly cpuRows?: boolean;
  /** Per-CPU maps: what a row's value is made of. */
  readonly folds?: readonly Fold[];
  /** Numbers of a row's value that only rise. */
  readonly rising: readonly RisingMember[];
  /** Called for the key of each row that is new, before it is published; in a keyframe for all. */
  readonly onNewKey?: (keys: Uint8Array, offset: number) => void;
}

/** Reads one map again and again, and publishes what changed. */
export class MapPoller {
  readonly #options: MapPollerOptions;
  readonly #reader: MapReader;
  readonly #columns: RowColumns;
  /** Of a row as it is read. */
  readonly #valueSize: number;
  /** Values padded to words, where they do not fill them. */
  #padded = new Uint32Array();
  readonly tracker: RowTracker;
  /** Bytes of a row's key, the CPU's number included. */
  readonly keySize: number;
  /** Rows of each key of the map. */
  readonly #rowsPerKey: number;
  /** Keys at the last complete read. */
  entries = 0;

  constructor(options: MapPollerOptions) {
    const { map, cpuRows = false } = options;
    this.#options = options;
    this.#reader = this.openReader();
    this.keySize = map.keySize + (cpuRows ? CPU_SIZE : 0);
    this.#valueSize = this.#reader.valueStride;
    this.#rowsPerKey = cpuRows ? this.#reader.possibleCpus : 1;
    const maxRows = map.maxEntries * this.#rowsPerKey;
    this.#columns = new RowColumns(this.keySize, this.#valueSize, FRAME_TARGET_BYTES, maxRows * 2);
    this.tracker = new RowTracker({
      keySize: this.keySize,
      valueSize: this.#valueSize,
      // Rows of other maps stay.
      rising: map.type.includes('hash') ? options.rising : [],
      maxVanished: maxRows,
      ...(options.onNewKey !== undefined && { onNewKey: options.onNewKey }),
    });
  }

  get name(): string {
    return this.#options.map.name;
  }

  get maxEntries(): number {
    return this.#options.map.maxEntries;
  }

  get type(): string {
    return this.#options.map.type;
  }

  /** A reader whose rows are those that are published. @param chunkRows keys a call at most. */
  openReader(chunkRows?: number): MapReader {
    const { map, cpuRows = false, folds } = this.#options;
    return map.openReader({
      perCpu: cpuRows ? 'split' : 'fold',
      ...(folds && { fold: folds }),
      ...(chunkRows !== undefined && { chunkRows }),
    });
  }

  /**
   * One read of the whole map. `publish` is called with each frame and resolves when the bus has it; a frame whose publishing
   * fails leaves its rows to be sent again by the next poll, and the error is thrown once all has been tried.
   */
  async poll(
    publish: (body: FrameBody) => Promise<void>,
    how: { keyframe: boolean; onDemand: boolean },
  ): Promise<void> {
    const failures: unknown[] = [];
    const flush = async (last: boolean): Promise<void> => {
      if (this.#columns.count === 0) return;
      try {
        await publish(this.#body(how, last));
        this.tracker.acknowledge(this.#columns);
      } catch (error) {
        failures.push(error);
      }
      this.#columns.clear();
    };
    this.tracker.beginSweep();
    for (let rows = await this.#reader.next(); rows > 0; rows = await this.#reader.next()) {
      await this.#takeChunk(rows, how.keyframe, flush);
    }
    this.tracker.endSweep();
    this.entries = this.tracker.size / this.#rowsPerKey;
    for (const slot of [...this.tracker.vanished()]) {
      this.tracker.appendVanished(slot, this.#columns);
      if (!this.#columns.hasRoom()) await flush(false);
    }
    await flush(true);
    if (failures.length > 0) throw failures[0];
  }

  close(): void {
    this.#reader.close();
  }

  async #takeChunk(count: number, keyframe: boolean, flush: (last: boolean) => Promise<void>): Promise<void> {
    const { keys } = this.#reader;
    const values = this.#valuesAsWords(count);
    for (let row = 0; row < count;) {
      const end = Math.min(row + SLICE_ROWS, count);
      while (row < end) {
        const from = row;
        row = this.tracker.take({ keys, values, count: end }, row, keyframe, this.#columns);
        if (keyframe) this.#noteKeys(keys, from, row);
        if (!this.#columns.hasRoom()) await flush(false);
      }
      if (row < count) await new Promise(setImmediate);
    }
  }

  #valuesAsWords(count: number): Uint32Array {
    const { values } = this.#reader;
    const size = this.#valueSize;
    const words = (size + 3) >>> 2;
    if (size % 4 === 0) return new Uint32Array(values.buffer, values.byteOffset, count * words);
    if (this.#padded.length < count * words) this.#padded = new Uint32Array(count * words);
    const bytes = new Uint8Array(this.#padded.buffer);
    for (let row = 0; row < count; row++) {
      for (let i = 0; i < size; i++) bytes[row * words * 4 + i] = values[row * size + i]!;
    }
    return this.#padded;
  }

  #noteKeys(keys: Uint8Array, from: number, to: number): void {
    const { onNewKey } = this.#options;
    if (onNewKey === undefined) return;
    for (let row = from; row < to; row++) onNewKey(keys, row * this.keySize);
  }

  #body(how: { keyframe: boolean; onDemand: boolean }, last: boolean): FrameBody {
    const { configId, epoch, mapId } = this.#options;
    return {
      case: 'mapRows',
      value: {
        configId,
        epoch,
        mapId,
        ...this.#columns.message(),
        keyframe: how.keyframe,
        last,
        onDemand: how.onDemand,
      },
    };
  }
}
