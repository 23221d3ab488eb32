import assert from 'node:assert/strict';
import test from 'node:test';
import { parseSelector } from '../../../../../aggregator/output/prometheus/federate/selector.js';
import { SondeError } from '../../../../../wire/errors.js';

/** Labels asked for, and one value of each that matches. */
const VALID: readonly (readonly [selector: string, ...matches: (readonly [label: string, value: string])[]])[] = [
  ['up', ['__name__', 'up']],
  ['  a:b_c9\t', ['__name__', 'a:b_c9']],
  ['up{}', ['__name__', 'up']],
  ['{__name__="up"}', ['__name__', 'up']],
  ['{ __name__ =~ "u.*" }', ['__name__', 'up']],
  ['up{a="b"}', ['__name__', 'up'], ['a', 'b']],
  ['up{a="b",}', ['__name__', 'up'], ['a', 'b']],
  ['up{a!="b",c=~"d|e",f!~"g"}', ['__name__', 'up'], ['a', 'x'], ['c', 'e'], ['f', 'gg']],
  ['{a=\'it is "it"\'}', ['a', 'it is "it"']],
  ['{a="it\'s"}', ['a', "it's"]],
  [String.raw`{a='it\'s'}`, ['a', "it's"]],
  ['{a=`raw \\n "\'`}', ['a', 'raw \\n "\'']],
  ['{a=`two\nlines`}', ['a', 'two\nlines']],
  [String.raw`{a="\a\b\f\n\r\t\v\\\""}`, ['a', '\x07\b\f\n\r\t\v\\"']],
  [String.raw`{a="\x41\102\u0043\U0001F600"}`, ['a', 'ABC😀']],
  [String.raw`{a="\xe2\x82\xac"}`, ['a', '€']],
  [String.raw`{a=~"a\\.b"}`, ['a', 'a.b']],
  ['{a="é😀"}', ['a', 'é😀']],
  ['{a="x"} # a remark', ['a', 'x']],
  ['{a="x", # a remark\n b="y"}', ['a', 'x'], ['b', 'y']],
  ['{a=~"(?i)X"}', ['a', 'x']],
  ['{a=~"."}', ['a', '\n']],
  ['{a=~"\\\\p{Greek}+"}', ['a', 'αβ']],
  ['sum{by="x"}', ['__name__', 'sum'], ['by', 'x']],
];

for (const [selector, ...matches] of VALID) {
  test(`${selector} is read`, () => {
    const matchers = parseSelector(selector);
    assert.deepEqual(
      matchers.map(({ label }) => label),
      matches.map(([label]) => label),
    );
    for (const [i, [, value]] of matches.entries()) assert.ok(matchers[i]!.matches(value), value);
  });
}

/** What is wrong, and at which character. */
const INVALID: readonly (readonly [selector: string, at: number, what: string])[] = [
  ['', 1, 'expected a metric name or {, found the end'],
  ['1', 1, 'expected a metric name or {, found 1'],
  ['"up"', 1, 'expected a metric name or {, found "'],
  ['é', 1, 'expected a metric name or {, found é'],
  ['😀', 1, 'expected a metric name or {, found 😀'],
  ['up{', 4, 'expected a label name or }, found the end'],
  ['up{,}', 4, 'expected a label name or }, found ,'],
  ['up{0a="b"}', 4, 'expected a label name or }, found 0a'],
  ['up{a}', 5, 'expected =, !=, =~ or !~, found }'],
  ['up{a:b="c"}', 5, 'expected =, !=, =~ or !~, found :b'],
  ['up{a<"b"}', 5, 'expected =, !=, =~ or !~, found <'],
  ['up{a=b}', 6, 'expected a value in quotes, found b'],
  ['up{a=="b"}', 6, 'expected a value in quotes, found ='],
  ['up{a="b" c="d"}', 10, 'expected , or }, found c'],
  ['up{a="b"', 9, 'expected , or }, found the end'],
  ['up{a="b"}}', 10, 'expected the end, found }'],
  ['up down', 4, 'expected the end, found down'],
  ['up offset 5m', 4, 'expected the end, found offset'],
  ['up[5m]', 3, 'expected the end, found ['],
  ['sum(up)', 4, 'expected the end, found ('],
  ['up{a="b}', 6, 'the quotes are not closed'],
  ['up{a="b\n"}', 6, 'the quotes are not closed'],
  ['up{a=`b}', 6, 'the quotes are not closed'],
  [String.raw`up{a="\q"}`, 7, String.raw`\q is no escape; a backslash itself is written \\`],
  [String.raw`up{a="\'"}`, 7, String.raw`\' is no escape; a backslash itself is written \\`],
  [String.raw`up{a="b\x4"}`, 8, String.raw`\x is no escape; a backslash itself is written \\`],
  [String.raw`up{a="\400"}`, 7, String.raw`\400 is no character`],
  [String.raw`up{a="\ud800"}`, 7, String.raw`\ud800 is no character`],
  [String.raw`up{a="\U00110000"}`, 7, String.raw`\U00110000 is no character`],
  ['up{__name__="down"}', 4, 'the metric name stands before the { already'],
  ['{a=~"("}', 5, 'no regular expression: error parsing regexp: missing closing ): `(`'],
  ['{a=~"a(?=b)"}', 5, 'no regular expression: error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
  ['{a=~"(x{500}){500}"}', 5, 'no regular expression: error parsing regexp: invalid repeat count: `{500}`'],
  [`{a=~"${'x'.repeat(4097)}"}`, 5, 'a regular expression has 4096 characters at most, not 4097'],
];

for (const [selector, at, what] of INVALID) {
  test(`${selector.slice(0, 40)} is refused with the place`, () => {
    const { message, code } = faultOf(selector);
    assert.equal(code, 'SELECTOR');
    const [head, text, mark] = message.split('\n');
    assert.equal(head, `match[] at character ${at}: ${what}`);
    assert.equal(text, `  ${selector.replaceAll('\n', ' ')}`);
    assert.equal(mark, `  ${' '.repeat(at - 1)}^`);
  });
}

test('a costly expression is refused before it is run', () => {
  assert.match(faultOf(`{a=~"${'(x{30}){30}'.repeat(30)}"}`).message, /too costly: \d+ steps, and 8192 are allowed/);
});

for (const selector of ['{}', '{a=""}', '{a=~".*"}', '{a!="b"}', '{a!~"b",c=~"d?"}']) {
  test(`${selector}, which is all there is, is refused`, () => {
    assert.match(faultOf(selector).message, /must ask for at least one label that is not empty/);
  });
}

function faultOf(selector: string): SondeError {
  try {
    parseSelector(selector);
  } catch (error) {
    assert.ok(error instanceof SondeError);
    return error;
  }
  return assert.fail('it was read');
}
