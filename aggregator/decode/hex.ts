import type { Decoder } from './decoder.js';

/** Bytes → lower-case hex. */
export const hex: Decoder = (input) => Buffer.from(Buffer.from(input).toString('hex'));
