import type { DecoderFactory } from './decoder.js';
import { subjectOf } from './number.js';

/** Index of a network interface → its name, as the host said; `unknown:<index>` when it knew none. */
export const ifname: DecoderFactory = (_config, afterUint) => (input, context) => {
  const index = subjectOf(input, afterUint, context);
  return context.facts.get('ifname', index) ?? Buffer.from(`unknown:${index}`);
};
