import type { DecoderFactory } from './decoder.js';
import { subjectOf } from './number.js';

/** Kernel address → the symbol that starts exactly there, as the host said; `unknown_addr:0x…` when it knew none. */
export const ksym: DecoderFactory = (_config, afterUint) => (input, context) => {
  const address = subjectOf(input, afterUint, context);
  return context.facts.get('ksym', address) ?? Buffer.from(`unknown_addr:0x${address.toString(16)}`);
};
