import { RE2JS } from 're2js';
import type { DecoderFactory } from './decoder.js';

/**
 * Text → what the first pattern that matches has in its group, or all that it matches when it has no group; `null` when none
 * matches. As in ebpf_exporter a pattern with two groups or more never matches. A byte that is not part of UTF-8 is one character.
 */
export const regexp: DecoderFactory = (config) => {
  const patterns = config.regexps
    .map((pattern) => RE2JS.compile(pattern))
    .filter((pattern) => pattern.groupCount() < 2);
  return (input) => {
    for (const pattern of patterns) {
      const matcher = pattern.matcher(input);
      if (!matcher.find()) continue;
      const group = pattern.groupCount();
      const start = matcher.start(group);
      // A group that takes no part in the match, as in `(a)|b`, is empty.
      return start < 0 ? new Uint8Array() : input.subarray(start, matcher.end(group));
    }
    return null;
  };
};
