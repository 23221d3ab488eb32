import type { TestContext } from 'node:test';

/** The seed of a long test: another one each time, or that of `SEED=…`. Printed, so that a failure can be had again. */
export function freshSeed(t: TestContext): number {
  const seed = process.env['SEED'] === undefined ? Date.now() % 2 ** 31 : Number(process.env['SEED']);
  t.diagnostic(`SEED=${seed}`);
  return seed;
}
