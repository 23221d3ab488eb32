/** A double and its bits: the machine is little endian, as all supported ones are. */
const DOUBLE = new Float64Array(1);
const BITS = new Uint32Array(DOUBLE.buffer);

/** The double whose bits are these words. */
export function doubleOf(lo: number, hi: number): number {
  BITS[0] = lo;
  BITS[1] = hi;
  return DOUBLE[0]!;
}

/** Puts the bits of a double into the words at `at`, the low one first. */
export function putDouble(words: Uint32Array, at: number, value: number): void {
  DOUBLE[0] = value;
  words[at] = BITS[0]!;
  words[at + 1] = BITS[1]!;
}
