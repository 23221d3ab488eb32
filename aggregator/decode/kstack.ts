import type { DecoderFactory } from './decoder.js';
import { subjectOf, uintOf } from './number.js';

const ADDRESS_BYTES = 8;
const UNKNOWN = Buffer.from('??');
const NEWLINE = Buffer.from('\n');

/** Kernel addresses up to the first 0 → symbols at or next below them, as the host said, a line each; `??` where it knew none. */
export const kstack: DecoderFactory = (_config, afterUint) => (input, context) => {
  const { facts, littleEndian } = context;
  const lines: Uint8Array[] = [];
  for (const address of addresses()) {
    if (address === 0n) break;
    if (lines.length > 0) lines.push(NEWLINE);
    lines.push(facts.get('kstack', address) ?? UNKNOWN);
  }
  return Buffer.concat(lines);

  function* addresses(): Generator<bigint> {
    if (afterUint) {
      yield subjectOf(input, afterUint, context);
      return;
    }
    for (let at = 0; at + ADDRESS_BYTES <= input.length; at += ADDRESS_BYTES) {
      yield uintOf(input.subarray(at, at + ADDRESS_BYTES), littleEndian);
    }
  }
};
