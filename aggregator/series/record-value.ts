import type { ValueField } from '../../wire/layout/value.js';
import { putDouble } from './double.js';

/** Reads a number of a record, or of a map's value, in the host's byte order, as the two words of a 64-bit one: integers exact, floats as a double's bits. */
export class RecordValue {
  lo = 0;
  hi = 0;
  readonly #field: ValueField;
  readonly #little: boolean;
  readonly #bits = new Uint32Array(2);

  constructor(field: ValueField, littleEndian: boolean) {
    this.#field = field;
    this.#little = littleEndian;
  }

  /** Reads the value of the record at `at`, which must be long enough. */
  read(view: DataView, at: number): void {
    const { size, signed, kind, offset } = this.#field;
    const little = this.#little;
    const from = at + offset;
    if (size === 8) {
      this.lo = view.getUint32(little ? from : from + 4, little);
      this.hi = view.getUint32(little ? from + 4 : from, little);
    } else if (kind === 'float') {
      putDouble(this.#bits, 0, view.getFloat32(from, little));
      this.lo = this.#bits[0]!;
      this.hi = this.#bits[1]!;
    } else {
      const value = small(view, from, size, signed, little);
      this.lo = value >>> 0;
      this.hi = value < 0 ? 0xffffffff : 0;
    }
  }

  /** Whether an integer is below 0. */
  get negative(): boolean {
    return this.#field.signed && this.hi >= 0x80000000;
  }
}

function small(view: DataView, at: number, size: number, signed: boolean, little: boolean): number {
  switch (size) {
    case 1:
      return signed ? view.getInt8(at) : view.getUint8(at);
    case 2:
      return signed ? view.getInt16(at, little) : view.getUint16(at, little);
    default:
      return signed ? view.getInt32(at, little) : view.getUint32(at, little);
  }
}
