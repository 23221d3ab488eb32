import { unpackU32 } from '../../wire/frame.js';
import type { ValueField } from '../../wire/layout/value.js';
import type { RowColumns } from './map-rows.js';
import { RecordValue } from './record-value.js';

/** Reads a metric's number of each row as the two words of a 64-bit one, low one first: negative ones stay negative. */
export class RowNumbers {
  readonly field: ValueField;
  readonly #little: RecordValue;
  readonly #big: RecordValue;

  constructor(field: ValueField) {
    this.field = field;
    this.#little = new RecordValue(field, true);
    this.#big = new RecordValue(field, false);
  }

  /** Valid as long as the frame is. */
  of({ values, valueSize, count }: RowColumns, littleEndian: boolean): Uint32Array {
    // Nearly all are: each is a u64 of the machine's own order.
    if (littleEndian && valueSize === 8 && this.field.size === 8) return unpackU32(values);
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const value = littleEndian ? this.#little : this.#big;
    const words = new Uint32Array(count * 2);
    for (let row = 0; row < count; row++) {
      value.read(view, row * valueSize);
      words[row * 2] = value.lo;
      words[row * 2 + 1] = value.hi;
    }
    return words;
  }
}
