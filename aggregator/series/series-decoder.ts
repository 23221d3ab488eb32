import type { Field } from '../../wire/layout/fields.js';
import type { DecodeContext, Decoder } from '../decode/decoder.js';
import { compileChain } from '../decode/registry.js';
import type { Family } from './family.js';
import { LabelWriter } from './label-writer.js';

/** A label, or the bucket, of a key or record. */
export interface CompiledField {
  readonly offset: number;
  readonly end: number;
  /** `name="` as bytes. */
  readonly name: Uint8Array;
  readonly decode: Decoder;
}

/** Turns the labels of a key or record into the series of a family. */
export class SeriesDecoder {
  readonly family: Family;
  /** By label name, which is the order of the exposition. */
  readonly #labels: readonly CompiledField[];
  readonly #writer = new LabelWriter();

  constructor(family: Family, labels: readonly Field[]) {
    this.family = family;
    this.#labels = [...labels].sort((a, b) => (a.name < b.name ? -1 : 1)).map(compileField);
  }

  /**
   * Decodes the labels of the bytes at `bytes[offset…]`; false when a decoder has skipped them. Throws a DecodeError when a label
   * cannot be decoded, a RangeError when they are longer than any should be.
   */
  decode(bytes: Uint8Array, offset: number, context: DecodeContext): boolean {
    this.#writer.reset();
    for (const label of this.#labels) {
      const value = label.decode(bytes.subarray(offset + label.offset, offset + label.end), context);
      if (value === null) return false;
      this.#writer.label(label.name, value);
    }
    return true;
  }

  /** The number of the series whose labels were decoded last. */
  series(): number {
    return this.family.series(this.#writer.bytes, this.#writer.length);
  }
}

export function compileField(field: Field): CompiledField {
  return {
    offset: field.offset,
    end: field.offset + field.size,
    name: Buffer.from(`${field.name}="`),
    decode: compileChain(field.decoders),
  };
}
