import { freshSeed, lengthen } from '../harness/seed.js';

/** Runs test files of `npm test`, named as below `test/`, whose properties get `times` as many seeds as there, and fresh ones. */
export async function runLongForms(times: number, files: readonly string[]): Promise<void> {
  lengthen(times, freshSeed({ diagnostic: (line) => console.log(line) }));
  for (const file of files) await import(`../${file}.test.js`);
}
