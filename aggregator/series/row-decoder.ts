import type { Field } from '../../wire/layout/fields.js';
import { DecodeError, type DecodeContext, type Decoder } from '../decode/decoder.js';
import { compileChain } from '../decode/registry.js';
import type { Family } from './family.js';
import { LabelWriter } from './label-writer.js';

/** The row belongs to no series: its labels were skipped by a decoder, or could not be decoded. */
export const NO_CELL = 0xffffffff;

interface CompiledField {
  readonly offset: number;
  readonly end: number;
  /** `name="` as bytes. */
  readonly name: Uint8Array;
  readonly decode: Decoder;
}

/** Turns the key of a row that is new into the cell of a family that its value counts in. */
export class RowDecoder {
  readonly family: Family;
  /** By label name, which is the order of the exposition. */
  readonly #labels: readonly CompiledField[];
  readonly #bucket: CompiledField | undefined;
  readonly #writer = new LabelWriter();

  /** `fields`: where each label of the config stands in the key; of a histogram the last one is the bucket. */
  constructor(family: Family, fields: readonly Field[]) {
    this.family = family;
    const isHistogram = family.definition.buckets !== undefined;
    const labels = isHistogram ? fields.slice(0, -1) : fields;
    this.#labels = [...labels].sort((a, b) => (a.name < b.name ? -1 : 1)).map(compile);
    this.#bucket = isHistogram ? compile(fields.at(-1)!) : undefined;
  }

  /** The cell of the key at `keys[offset…]`, or {@link NO_CELL}. Throws a DecodeError when the labels cannot be decoded. */
  cell(keys: Uint8Array, offset: number, context: DecodeContext): number {
    this.#writer.reset();
    for (const label of this.#labels) {
      const value = label.decode(keys.subarray(offset + label.offset, offset + label.end), context);
      if (value === null) return NO_CELL;
      this.#writer.label(label.name, value);
    }
    const bucket = this.#bucketCell(keys, offset, context);
    if (bucket < 0) return NO_CELL;
    return this.family.series(this.#writer.bytes, this.#writer.length) * this.family.stride + bucket;
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

function compile(field: Field): CompiledField {
  return {
    offset: field.offset,
    end: field.offset + field.size,
    name: Buffer.from(`${field.name}="`),
    decode: compileChain(field.decoders),
  };
}
