import type { DecoderFactory } from './decoder.js';
import { subjectOf } from './number.js';

/** cgroup id → its path under /sys/fs/cgroup, as the host said; `unknown_cgroup_id:<id>` when it knew none. */
export const cgroup: DecoderFactory = (_config, afterUint) => (input, context) => {
  const id = subjectOf(input, afterUint, context);
  return context.facts.get('cgroup', id) ?? Buffer.from(`unknown_cgroup_id:${id}`);
};
