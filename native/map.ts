import { requireBytes, requireInteger, type Place } from './arguments.js';
import type { RawMapShape, RawObject } from './binding.js';
import { NativeEventReader, rawEventOptions } from './event-reader.js';
import { NativeMapReader, rawReadOptions } from './map-reader.js';
import type {
  BpfMap,
  EventReader,
  MapReader,
  MapReaderOptions,
  PerfBufferOptions,
  RingOptions,
  TypeLayout,
} from './types.js';

const DEFAULT_PAGES = 64;

export class NativeMap implements BpfMap {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly flags: number;
  readonly perCpu: boolean;
  readonly keyLayout: TypeLayout | null;
  readonly valueLayout: TypeLayout | null;
  readonly #raw: RawObject;
  readonly #index: number;
  readonly #object: string;

  constructor(raw: RawObject, index: number, shape: RawMapShape, object: string) {
    this.name = shape.name;
    this.type = shape.type;
    this.keySize = shape.keySize;
    this.valueSize = shape.valueSize;
    this.flags = shape.flags;
    this.perCpu = shape.perCpu;
    this.keyLayout = shape.keyLayout;
    this.valueLayout = shape.valueLayout;
    this.#raw = raw;
    this.#index = index;
    this.#object = object;
  }

  get maxEntries(): number {
    return this.#raw.maxEntries(this.#index);
  }

  set maxEntries(entries: number) {
    requireInteger(this.#place('set max_entries'), 'maxEntries', entries, 1, 0xffff_ffff);
    this.#raw.setMaxEntries(this.#index, entries);
  }

  get id(): number {
    return this.#raw.mapId(this.#index);
  }

  lookup(key: Uint8Array): Uint8Array | null {
    return this.#raw.lookup(this.#index, requireBytes(this.#place('lookup'), 'key', key));
  }

  update(key: Uint8Array, value: Uint8Array): void {
    const place = this.#place('update');
    this.#raw.update(this.#index, requireBytes(place, 'key', key), requireBytes(place, 'value', value));
  }

  delete(key: Uint8Array): boolean {
    return this.#raw.delete(this.#index, requireBytes(this.#place('delete'), 'key', key));
  }

  openReader(options: MapReaderOptions = {}): MapReader {
    const raw = this.#raw.openReader(this.#index, rawReadOptions(this.#place('open reader'), options));
    return new NativeMapReader(raw);
  }

  openRing(options: RingOptions): EventReader {
    return this.#openEvents(options, 0);
  }

  openPerfBuffer(options: PerfBufferOptions): EventReader {
    const place = this.#place('open event reader');
    return this.#openEvents(options, requireInteger(place, 'pages', options.pages ?? DEFAULT_PAGES, 1, 1 << 20));
  }

  #openEvents(options: RingOptions, pages: number): EventReader {
    const place = this.#place('open event reader');
    const raw = this.#raw.openEvents(this.#index, rawEventOptions(place, options, pages));
    return new NativeEventReader(raw, options.onBatch);
  }

  #place(operation: string): Place {
    return { operation, object: this.#object, map: this.name };
  }
}
