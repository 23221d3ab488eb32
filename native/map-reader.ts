import { requireBoolean, requireInteger, requireOneOf, type Place } from './arguments.js';
import type { RawMapReader, RawReadOptions } from './binding.js';
import type { Fold, MapReader, MapReaderOptions } from './types.js';

const OPS: readonly Fold['op'][] = ['sum', 'min', 'max'];
const DEFAULT_CHUNK_ROWS = 16_384;

export function rawReadOptions(place: Place, options: MapReaderOptions): RawReadOptions {
  const folds = (options.fold ?? []).flatMap(({ offset, size, op, signed = false }) => [
    requireInteger(place, 'fold.offset', offset, 0, 0xffff_ffff),
    requireOneOf(place, 'fold.size', size, [1, 2, 4, 8]),
    OPS.indexOf(requireOneOf(place, 'fold.op', op, OPS)),
    Number(requireBoolean(place, 'fold.signed', signed)),
  ]);
  const perCpu = requireOneOf(place, 'perCpu', options.perCpu ?? 'fold', ['fold', 'keep', 'split']);
  return {
    chunkRows: requireInteger(place, 'chunkRows', options.chunkRows ?? DEFAULT_CHUNK_ROWS, 1, 0xffff_ffff),
    keep: perCpu === 'keep',
    split: perCpu === 'split',
    folds: new Uint32Array(folds),
  };
}

/** {@link MapReader} over the raw one: keeps the views of its buffers. */
export class NativeMapReader implements MapReader {
  readonly valueStride: number;
  readonly possibleCpus: number;
  readonly #raw: RawMapReader;
  #capacity = 0;
  #keys = new Uint8Array();
  #values = new Uint8Array();
  #mode: 'batch' | 'walk' = 'batch';

  constructor(raw: RawMapReader) {
    this.#raw = raw;
    this.valueStride = raw.valueStride();
    this.possibleCpus = raw.possibleCpus();
    this.#refresh();
  }

  get keys(): Uint8Array {
    return this.#keys;
  }

  get values(): Uint8Array {
    return this.#values;
  }

  get mode(): 'batch' | 'walk' {
    return this.#mode;
  }

  async next(): Promise<number> {
    const rows = await this.#raw.next();
    this.#refresh();
    return rows;
  }

  nextSync(): number {
    const rows = this.#raw.nextSync();
    this.#refresh();
    return rows;
  }

  close(): void {
    this.#raw.close();
  }

  #refresh(): void {
    this.#mode = this.#raw.batch() ? 'batch' : 'walk';
    const capacity = this.#raw.capacity();
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#keys = new Uint8Array(this.#raw.keys());
    this.#values = new Uint8Array(this.#raw.values());
  }
}
