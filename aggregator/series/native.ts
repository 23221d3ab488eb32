/**
 * Where the cells of a series hold a native (exponential) histogram. Positive bucket i counts values up to `2^(i * 2^-schema)`
 * and above the bound before it, as Prometheus has it.
 */
export interface NativeBuckets {
  readonly schema: number;
  /** Cell that counts zeros, from the first of the series; -1 when nothing does. */
  readonly zeroCell: number;
  /** Cell of the first positive bucket; the others follow it. */
  readonly firstCell: number;
  /** Index of the first positive bucket. */
  readonly firstIndex: number;
  readonly count: number;
}

/**
 * Of values of events: buckets a fourth of a power of two wide (19 %). A u64 has 257 of them at most, so that all lie in
 * cells of a fixed number (2 KiB a series) and no limit ever has to make them wider.
 */
export const EVENT_SCHEMA = 2;

/** Values in an order that `ValueBuckets` searches: zero, then each positive bucket. */
export interface NativeBounds {
  readonly firstIndex: number;
  /** Upper bounds in the unit of the value, the largest whole numbers that are not above them; the first is that of zero. */
  readonly bounds: readonly number[];
}

/** The native buckets that a u64 times `multiplier` can fall into. */
export function nativeBounds(multiplier: number): NativeBounds {
  const steps = 2 ** EVENT_SCHEMA;
  const bound = (index: number): number => wholeBelow(2 ** (index / steps), multiplier);
  let firstIndex = Math.floor(Math.log2(multiplier) * steps) - 1;
  while (bound(firstIndex) < 1) firstIndex++;
  const bounds = [0];
  for (let index = firstIndex; bounds.at(-1)! < 2 ** 64; index++) bounds.push(bound(index));
  return { firstIndex, bounds };
}

/** The largest whole number that is, times the multiplier, not above the bound: as doubles have it, so that 1e9 ns are 1 s. */
function wholeBelow(bound: number, multiplier: number): number {
  const below = Math.floor(bound / multiplier);
  return (below + 1) * multiplier <= bound ? below + 1 : below;
}
