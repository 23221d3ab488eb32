import type { DecoderFactory } from './decoder.js';
import { subjectOf } from './number.js';

/** Kernel dev_t (12 bits major, 20 bits minor; include/linux/kdev_t.h) → device name; `unknown:<major>:<minor>` when the host knew none. */
export const majorminor: DecoderFactory = (_config, afterUint) => (input, context) => {
  const dev = subjectOf(input, afterUint, context);
  return context.facts.get('majorminor', dev) ?? Buffer.from(`unknown:${dev >> 20n}:${dev & 0xfffffn}`);
};
