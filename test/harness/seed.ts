import type { TestContext } from 'node:test';
import { seededRandom } from '../../lib/random.js';

/** The seed of a long test: another one each time, or that of `SEED=…`. Printed, so that a failure can be had again. */
export function freshSeed(t: Pick<TestContext, 'diagnostic'>): number {
  const seed = process.env['SEED'] === undefined ? Date.now() % 2 ** 31 : Number(process.env['SEED']);
  t.diagnostic(`SEED=${seed}`);
  return seed;
}

/** Where what is made for a test is given back: a {@link TestContext} is one. */
export interface Scope {
  after(end: () => unknown): void;
}

const seeds = { first: 1, times: 1 };

/** For a long form: {@link forSeeds} runs so many times as many seeds in this process, from `first` on. */
export function lengthen(times: number, first: number): void {
  Object.assign(seeds, { first, times });
}

/**
 * Runs a property with `count` seeds; a failure names its seed. What is registered with the scope ends before the next seed, last
 * registered first.
 */
export async function forSeeds(
  count: number,
  property: (random: () => number, scope: Scope, seed: number) => Promise<void> | void,
): Promise<void> {
  for (let i = 0; i < count * seeds.times; i++) {
    const seed = (seeds.first + i) % 2 ** 32;
    const ends: (() => unknown)[] = [];
    try {
      await property(seededRandom(seed), { after: (end) => void ends.unshift(end) }, seed);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    } finally {
      for (const end of ends) await end();
    }
  }
}
