import type { Decoder } from './decoder.js';

/** Bytes up to the first NUL. */
export const string: Decoder = (input) => {
  const end = input.indexOf(0);
  return end < 0 ? input : input.subarray(0, end);
};
