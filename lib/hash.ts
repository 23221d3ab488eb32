import { randomInt } from 'node:crypto';

/** Differs from process to process, so that nobody can choose keys that all fall into one chain. */
const SEED = randomInt(2 ** 32 - 1);

const MULTIPLIER = 0x9e3779b1;

function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Seeded hash of `length` 32-bit words from `start`. */
export function hashWords(words: Uint32Array, start: number, length: number): number {
  let hash = SEED ^ length;
  for (let i = start; i < start + length; i++) {
    hash = Math.imul(hash ^ words[i]!, MULTIPLIER);
    hash ^= hash >>> 15;
  }
  return finish(hash);
}

/** Seeded hash of `length` bytes from `start`. */
export function hashBytes(bytes: Uint8Array, start: number, length: number): number {
  let hash = SEED ^ length;
  const end = start + length;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    hash = Math.imul(hash ^ word, MULTIPLIER);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, MULTIPLIER);
  return finish(hash);
}
