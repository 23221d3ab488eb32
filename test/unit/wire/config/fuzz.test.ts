import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMap, isPair, isScalar, parseDocument, visit, type Pair } from 'yaml';
import { parseConfig } from '../../../../wire/config/parse.js';
import { ConfigError } from '../../../../wire/errors.js';
import { fixtures } from './fixtures.js';

/** Texts made of each fixture; a failing one is told by its seed. SONDE_FUZZ_ROUNDS asks for more. */
const ROUNDS = Number(process.env['SONDE_FUZZ_ROUNDS'] ?? 10);

type Random = (below: number) => number;

/** mulberry32: the same numbers for the same seed, everywhere. */
function random(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

const VALUES = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  '',
  'x',
  '\0',
  '__proto__',
  [],
  [null],
  {},
  { a: [] },
  [[[[]]]],
];

/** Drops, renames or retypes some key anywhere in the document. */
function mutateTree(text: string, next: Random): string {
  const document = parseDocument(text, { uniqueKeys: false });
  const pairs: Pair[] = [];
  visit(document, (_, node) => {
    if (isPair(node)) pairs.push(node);
  });
  const pair = pairs[next(pairs.length)];
  if (pair === undefined) return text;
  const action = next(3);
  if (action === 0) {
    visit(document, {
      Map: (_, map) => {
        if (isMap(map)) map.items = map.items.filter((item) => item !== pair);
      },
    });
  } else if (action === 1 && isScalar(pair.key)) pair.key = document.createNode(`${String(pair.key.value)}${next(10)}`);
  else pair.value = document.createNode(VALUES[next(VALUES.length)]);
  try {
    return document.toString();
  } catch {
    // The change took an anchor away that an alias needs; such texts come from mutateText.
    return text;
  }
}

/** Truncates the text, or spoils some of its bytes. */
function mutateText(text: string, next: Random): string {
  if (next(3) === 0) return text.slice(0, next(text.length));
  const bytes = Buffer.from(text);
  for (let i = next(8) + 1; i > 0; i--) bytes[next(bytes.length)] = next(2) === 0 ? next(256) : 32 + next(95);
  return bytes.toString('utf8');
}

for (const { name, text } of [...fixtures('good'), ...fixtures('broken')]) {
  if (text === '') continue;
  test(`whatever happens to ${name}, it parses or every problem has a place`, () => {
    let refused = 0;
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const next = random(seed);
      let mutated = text;
      for (let i = next(3); i >= 0; i--)
        mutated = next(2) === 0 ? mutateTree(mutated, next) : mutateText(mutated, next);
      try {
        parseConfig(name, 'x.yaml', mutated);
      } catch (error) {
        assert.ok(
          error instanceof ConfigError,
          `seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`,
        );
        refused++;
        assert.ok(error.problems.length > 0, `seed ${seed}: no problem`);
        for (const { line, column, path, message } of error.problems) {
          assert.ok((line > 0 && column > 0) || path !== '', `seed ${seed}: ${message} has no place`);
          assert.doesNotMatch(message, /undefined|\[object|NaN/, `seed ${seed}`);
        }
      }
    }
    assert.ok(refused > ROUNDS / 10, `only ${refused} of ${ROUNDS} were refused: the mutations do nothing`);
  });
}
