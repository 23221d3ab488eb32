import type { Field } from '../../wire/layout/fields.js';
import { DecodeError, type DecodeContext } from '../decode/decoder.js';
import { LabelWriter } from './label-writer.js';
import { compileField, type CompiledField } from './series-decoder.js';

/** Of names and values together: the limit of OpenMetrics. */
export const MAX_EXEMPLAR_CHARACTERS = 128;

/** Labels of a metric that hold the ids of an exemplar, by what they are called there. */
export interface ExemplarFields {
  readonly trace_id: Field;
  readonly span_id?: Field | undefined;
}

/** Reads the ids of a trace and its span in a record. */
export class ExemplarReader {
  readonly #fields: readonly CompiledField[];
  readonly #writer = new LabelWriter();
  readonly #onRefused: () => void;

  /** @param onRefused called for an exemplar that is left out, because its ids cannot be decoded or are too long. */
  constructor({ trace_id, span_id }: ExemplarFields, onRefused: () => void) {
    this.#onRefused = onRefused;
    const fields = [
      { ...trace_id, name: 'trace_id' },
      ...(span_id === undefined ? [] : [{ ...span_id, name: 'span_id' }]),
    ];
    this.#fields = fields.map((field) => compileField(field));
  }

  /** The exemplar's labels, in bytes of their own; null when the record is of no trace (an id of nothing or of zeros), or is refused. */
  read(data: Uint8Array, at: number, context: DecodeContext): Uint8Array | null {
    this.#writer.reset();
    let characters = 0;
    try {
      for (const { name, offset, end, decode } of this.#fields) {
        const id = decode(data.subarray(at + offset, at + end), context);
        if (id === null || id.every((byte) => byte === 0x30 || byte === 0)) {
          if (characters === 0) return null;
          continue;
        }
        this.#writer.label(name, id);
        characters += name.length - '="'.length + [...Buffer.from(id).toString()].length;
      }
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof RangeError)) throw error;
      characters = Infinity;
    }
    if (characters <= MAX_EXEMPLAR_CHARACTERS) return this.#writer.bytes.slice(0, this.#writer.length);
    this.#onRefused();
    return null;
  }
}
