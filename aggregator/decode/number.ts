import { DecodeError, type DecodeContext } from './decoder.js';

/** The unsigned integer in 1, 2, 4 or 8 bytes. */
export function uintOf(input: Uint8Array, littleEndian: boolean): bigint {
  const size = input.length;
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    throw new DecodeError(`uint takes 1, 2, 4 or 8 bytes, not ${size}`);
  }
  let value = 0n;
  for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(input[littleEndian ? size - 1 - i : i]!);
  return value;
}

const MAX_U64 = 2n ** 64n - 1n;

/** The number whose decimal text a decoder was given. Throws a {@link DecodeError} for other text. */
export function decimalOf(input: Uint8Array, decoder: string): bigint {
  const digits = Buffer.from(input).toString('latin1');
  const number = /^\d{1,20}$/.test(digits) ? BigInt(digits) : undefined;
  if (number !== undefined && number <= MAX_U64) return number;
  throw new DecodeError(`${decoder} takes the decimal text of a u64, not ${JSON.stringify(digits)}`);
}

/** The number a host decoder asks about: the kernel's bytes, or the decimal text of a `uint` before it. */
export function subjectOf(input: Uint8Array, afterUint: boolean, { littleEndian }: DecodeContext): bigint {
  return afterUint ? BigInt(Buffer.from(input).toString('latin1')) : uintOf(input, littleEndian);
}
