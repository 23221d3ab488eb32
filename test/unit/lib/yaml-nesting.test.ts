import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNestedDeeper } from '../../../lib/yaml/nesting.js';

const indented = Array.from({ length: 60 }, (_, i) => `${' '.repeat(i)}a:\n`).join('');
for (const [what, text, deeper] of [
  ['brackets', '['.repeat(51), true],
  ['brackets that close', '[]'.repeat(500), false],
  ['brackets across lines', '[\n'.repeat(51), true],
  ['braces', `a: ${'{a: '.repeat(51)}`, true],
  ['lists in a line', '- '.repeat(51), true],
  ['keys in a line', '? '.repeat(51), true],
  ['indentation', indented, true],
  ['a list of many', '- a\n'.repeat(500), false],
  ['brackets in texts', `a: "${'['.repeat(60)}"\nb: x${'['.repeat(60)}\nc: |\n ${'{'.repeat(60)}\n`, false],
  ['a deep block of text', `a: |\n${' '.repeat(80)}x\n`, false],
  ['a long map in a line', `{${'a: b, '.repeat(60)}}`, false],
  ['nothing', '', false],
] as const) {
  test(`${what}: ${deeper ? 'deeper' : 'not deeper'} than 50`, () => assert.equal(isNestedDeeper(text, 50), deeper));
}
