/** Seeded random numbers from 0 to below 1 (mulberry32): the same seed gives the same numbers again. Not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer from 0 to `below - 1`. */
export function randomInteger(random: () => number, below: number): number {
  return Math.floor(random() * below);
}
