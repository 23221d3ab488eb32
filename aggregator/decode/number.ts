import { DecodeError } from './decoder.js';

/** The unsigned integer in 1, 2, 4 or 8 bytes, little endian (all supported hosts are). */
export function uintOf(input: Uint8Array): bigint {
  if (input.length !== 1 && input.length !== 2 && input.length !== 4 && input.length !== 8) {
    throw new DecodeError(`uint takes 1, 2, 4 or 8 bytes, not ${input.length}`);
  }
  let value = 0n;
  for (let i = input.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(input[i]!);
  return value;
}

/** The number a host decoder asks about: the kernel's bytes, or the decimal text of a `uint` before it. */
export function subjectOf(input: Uint8Array, afterUint: boolean): bigint {
  return afterUint ? BigInt(Buffer.from(input).toString('latin1')) : uintOf(input);
}
