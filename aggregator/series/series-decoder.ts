import type { Field } from '../../wire/layout/fields.js';
import type { DecodeContext, Decoder } from '../decode/decoder.js';
import { decoderOf, ofBits } from '../decode/by-type.js';
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
  /** False: the family is without the label, and its decoder says no more than what is skipped. */
  readonly isKept: boolean;
}

/** Those labels that the series of a record depends on: what the family has, and what may have the record skipped. */
export function decisiveLabels({ definition }: Family, labels: readonly Field[]): Field[] {
  return labels.filter(
    ({ name, decoders }) => definition.labels.includes(name) || decoders.some((decoder) => decoder.name === 'regexp'),
  );
}

/** Turns the labels of a key or record into the series of a family. */
export class SeriesDecoder {
  readonly family: Family;
  /** By label name, which is the order of the exposition. */
  readonly #labels: readonly CompiledField[];
  readonly #writer = new LabelWriter();

  /** @param labels of the metric. Those that the family does not have are left out: what differs in nothing else is one series. */
  constructor(family: Family, labels: readonly Field[]) {
    this.family = family;
    this.#labels = decisiveLabels(family, labels)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((field) => compileField(field, family.definition.labels.includes(field.name)));
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
      if (label.isKept) this.#writer.label(label.name, value);
    }
    return true;
  }

  /** Adds a label to those that were decoded last, for {@link text} only. */
  append(name: Uint8Array, value: Uint8Array): void {
    this.#writer.label(name, value);
  }

  /** The labels that were decoded last, as the exposition has them. */
  get text(): string {
    return Buffer.from(this.#writer.bytes.subarray(0, this.#writer.length)).toString();
  }

  /** The number of the series whose labels were decoded last. */
  series(): number {
    return this.family.series(this.#writer.bytes, this.#writer.length);
  }
}

export function compileField(field: Field, isKept = true): CompiledField {
  const { decoders, type, bits } = field;
  const decode = decoders.length > 0 ? compileChain(decoders) : decoderOf(type);
  return {
    offset: field.offset,
    end: field.offset + field.size,
    name: Buffer.from(`${field.name}="`),
    decode: bits === undefined ? decode : ofBits(decode, bits, type!),
    isKept,
  };
}
