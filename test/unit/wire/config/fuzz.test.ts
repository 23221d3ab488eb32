import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../../wire/config/parse.js';
import { ConfigError } from '../../../../wire/errors.js';
import { keyCount, mutateText, mutateTree, random } from '../../../harness/mutated-config.js';
import { fixtures } from './fixtures.js';

/** Texts made of each fixture; a failing one is told by its seed. SONDE_FUZZ_ROUNDS asks for more. */
const ROUNDS = Number(process.env['SONDE_FUZZ_ROUNDS'] ?? 10);

for (const { name, text } of [...fixtures('good'), ...fixtures('broken')]) {
  if (text === '') continue;
  test(`whatever happens to ${name}, it parses or every problem has a place`, () => {
    let refused = 0;
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const next = random(seed);
      let mutated = text;
      for (let i = next(3); i >= 0; i--)
        mutated = next(2) === 0 ? mutateTree(mutated, next) : mutateText(mutated, next);
      if (isRefused(name, mutated, `seed ${seed}`)) refused++;
    }
    assert.ok(refused > ROUNDS / 10, `only ${refused} of ${ROUNDS} were refused: the mutations do nothing`);
  });
}

test('each key of the good configs, broken twice: more than 500 configs', () => {
  let [made, refused] = [0, 0];
  for (const { name, text } of fixtures('good')) {
    for (let i = 0; i < 2 * keyCount(text); i++) {
      const key = i >> 1;
      made++;
      if (isRefused(name, mutateTree(text, random(made), key), `${name}, key ${key}, seed ${made}`)) refused++;
    }
  }
  assert.ok(made >= 500, `${made} configs`);
  assert.ok(refused > made / 2, `only ${refused} of ${made} were refused: the mutations do nothing`);
});

/** Whether a text is refused; if so, each problem has to have a place and to say what it is. */
function isRefused(name: string, text: string, what: string): boolean {
  try {
    parseConfig(name, 'x.yaml', text);
    return false;
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${what}: ${error instanceof Error ? error.stack : String(error)}`);
    assert.ok(error.problems.length > 0, `${what}: no problem`);
    for (const { line, column, path, message } of error.problems) {
      assert.ok((line > 0 && column > 0) || path !== '', `${what}: ${message} has no place`);
      assert.doesNotMatch(message, /undefined|\[object|NaN/, what);
    }
    return true;
  }
}
