import type { Decoder } from './decoder.js';
import { uintOf } from './number.js';

/** 1, 2, 4 or 8 bytes in host byte order → decimal. */
export const uint: Decoder = (input, { littleEndian }) => Buffer.from(uintOf(input, littleEndian).toString());
