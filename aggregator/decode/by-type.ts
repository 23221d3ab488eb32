import type { BitRange } from '../../wire/layout/find.js';
import { textKind } from '../../wire/layout/text-kind.js';
import type { TypeLayout } from '../../wire/layout/type-layout.js';
import type { Decoder } from './decoder.js';
import { hex } from './hex.js';
import { uintOf } from './number.js';
import { string } from './string.js';
import { uint } from './uint.js';

const FALSE = Buffer.from('false');
const TRUE = Buffer.from('true');

/** The decoder of a label that names none: what its type says. Which types have a text has been checked: another is a programmer's error. */
export function decoderOf(type: TypeLayout | null): Decoder {
  switch (type === null ? null : textKind(type)) {
    case 'unsigned':
      return uint;
    case 'signed':
      return (input, { littleEndian }) => Buffer.from(signedOf(input, littleEndian).toString());
    case 'bool':
      return bool;
    case 'enum':
      return enumNames(type!);
    case 'string':
      return string;
    case 'hex':
      return hex;
    case null:
      throw new Error(`${type?.kind ?? 'no type'} has no text by itself`);
  }
}

/** Gives a decoder a bit-field as it gives it any other member: as the bytes of the type that it was declared with. */
export function ofBits(decode: Decoder, { offset, length }: BitRange, { size, signed }: TypeLayout): Decoder {
  return (input, context) => {
    const { littleEndian } = context;
    let all = 0n;
    for (let i = 0; i < input.length; i++) {
      all = (all << 8n) | BigInt(input[littleEndian ? input.length - 1 - i : i]!);
    }
    const behind = littleEndian ? offset : input.length * 8 - offset - length;
    const bits = BigInt.asUintN(length, all >> BigInt(behind));
    let value = signed ? BigInt.asUintN(size * 8, BigInt.asIntN(length, bits)) : bits;
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++, value >>= 8n) bytes[littleEndian ? i : size - 1 - i] = Number(value & 0xffn);
    return decode(bytes, context);
  };
}

/** A byte that is neither 0 nor 1 is no bool of C: its number says more. */
const bool: Decoder = (input) => {
  const value = input[0]!;
  if (value > 1) return Buffer.from(value.toString());
  return value === 1 ? TRUE : FALSE;
};

/** Names of an enum; of a value that it does not name `unknown:` and the number. */
function enumNames({ size, signed, values }: TypeLayout): Decoder {
  // Modulo the size: an enum of before clang 15 does not say that it is signed.
  const names = new Map(values.map(({ name, value }) => [BigInt.asUintN(size * 8, value), Buffer.from(name)]));
  return (input, { littleEndian }) => {
    const value = uintOf(input, littleEndian);
    const name = names.get(value);
    return name ?? Buffer.from(`unknown:${signed ? BigInt.asIntN(size * 8, value) : value}`);
  };
}

function signedOf(input: Uint8Array, littleEndian: boolean): bigint {
  return BigInt.asIntN(input.length * 8, uintOf(input, littleEndian));
}
