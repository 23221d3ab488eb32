import { NativeError } from './error.js';

/**
 * The bytes of a global of `size` bytes, host byte order.
 * Throws `GLOBAL_SIZE` for what does not fit, `INVALID_ARGUMENT` for a number that is not an integer.
 */
export function globalBytes(
  object: string,
  name: string,
  size: number,
  value: bigint | number | boolean | Uint8Array,
): Uint8Array {
  const place = { operation: 'set global', object };
  if (value instanceof Uint8Array) {
    if (value.length === size) return value;
    throw new NativeError(`global '${name}' of ${object} has ${size} bytes, not ${value.length}`, {
      code: 'GLOBAL_SIZE',
      ...place,
    });
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new NativeError(`global '${name}' of ${object} must be set to an integer, not ${value}`, {
      code: 'INVALID_ARGUMENT',
      ...place,
    });
  }
  const integer = BigInt(value);
  const bits = size * 8;
  const fits = [1, 2, 4, 8].includes(size) && integer >= -(1n << BigInt(bits - 1)) && integer < 1n << BigInt(bits);
  if (!fits) {
    throw new NativeError(`${integer} does not fit the ${size} bytes of global '${name}' of ${object}`, {
      code: 'GLOBAL_SIZE',
      ...place,
    });
  }
  const bytes = new Uint8Array(new BigUint64Array([BigInt.asUintN(bits, integer)]).buffer);
  return hostIsLittleEndian ? bytes.subarray(0, size) : bytes.subarray(8 - size);
}

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
