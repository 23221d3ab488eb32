import { HOST_DECODER_NAMES } from '../../wire/config/schema.js';
import type { Field } from '../../wire/layout/fields.js';
import { DecodeError, type DecodeContext } from '../decode/decoder.js';
import type { Family } from './family.js';
import { compileField, decisiveLabels, SeriesDecoder, type CompiledField } from './series-decoder.js';

/** The row belongs to no series: its labels were skipped by a decoder, or could not be decoded. */
export const NO_CELL = 0xffffffff;

/** Turns the key of a row that is new into the cell of a family that its value counts in. */
export class RowDecoder {
  readonly family: Family;
  /** Kinds of the facts that decide where a row counts. */
  readonly factKinds: readonly string[];
  readonly #labels: SeriesDecoder;
  readonly #bucket: CompiledField | undefined;

  /** Where each label of the config stands in the key, and, of a histogram, the bucket. */
  constructor(family: Family, labels: readonly Field[], bucket?: Field) {
    this.family = family;
    this.#labels = new SeriesDecoder(family, labels);
    const fields = [...decisiveLabels(family, labels), ...(bucket === undefined ? [] : [bucket])];
    this.factKinds = HOST_DECODER_NAMES.filter((name) =>
      fields.some(({ decoders }) => decoders.some((decoder) => decoder.name === name)),
    );
    this.#bucket = bucket === undefined ? undefined : compileField(bucket);
  }

  /** The cell of the key at `keys[offset…]`, or {@link NO_CELL}. Throws as {@link SeriesDecoder.decode} does. */
  cell(keys: Uint8Array, offset: number, context: DecodeContext): number {
    if (!this.#labels.decode(keys, offset, context)) return NO_CELL;
    const bucket = this.#bucketCell(keys, offset, context);
    return bucket < 0 ? NO_CELL : this.#labels.series() * this.family.stride + bucket;
  }

  /** The labels of a key, the bucket among them, for people. Null when a decoder skips it; throws as {@link cell} does. */
  describe(keys: Uint8Array, offset: number, context: DecodeContext): string | null {
    if (!this.#labels.decode(keys, offset, context)) return null;
    if (this.#bucket === undefined) return this.#labels.text;
    const { name, end, decode } = this.#bucket;
    const bucket = decode(keys.subarray(offset + this.#bucket.offset, offset + end), context);
    if (bucket === null) return null;
    this.#labels.append(name, bucket);
    return this.#labels.text;
  }

  #bucketCell(keys: Uint8Array, offset: number, context: DecodeContext): number {
    if (this.#bucket === undefined) return 0;
    const text = this.#bucket.decode(keys.subarray(offset + this.#bucket.offset, offset + this.#bucket.end), context);
    if (text === null) return -1;
    const digits = Buffer.from(text).toString('latin1');
    if (!/^\d{1,20}$/.test(digits))
      throw new DecodeError(`bucket ${JSON.stringify(digits)} is not an unsigned integer`);
    return this.family.definition.buckets!.cellOf(BigInt(digits));
  }
}
