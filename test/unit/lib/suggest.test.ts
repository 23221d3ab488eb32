import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, suggest } from '../../../lib/suggest.js';

const distances: [string, string, number][] = [
  ['', '', 0],
  ['', 'abc', 3],
  ['uint', 'uint', 0],
  ['uitn', 'uint', 1],
  ['lables', 'labels', 1],
  ['hlep', 'help', 1],
  ['sting', 'string', 1],
  ['kitten', 'sitting', 3],
  ['flaw', 'lawn', 2],
];
for (const [a, b, distance] of distances) {
  test(`${JSON.stringify(a)} and ${JSON.stringify(b)} are ${distance} apart`, () => {
    assert.equal(editDistance(a, b), distance);
    assert.equal(editDistance(b, a), distance);
  });
}

test('suggest gives the nearest, and nothing when none is near', () => {
  const names = ['tcp-retransmit', 'timers', 'biolatency'];
  assert.equal(suggest('timer', names), 'timers');
  assert.equal(suggest('TIMERS', names), 'timers');
  assert.equal(suggest('tcp-retansmit', names), 'tcp-retransmit');
  assert.equal(suggest('oomkill', names), undefined);
  assert.equal(suggest('', names), undefined);
  assert.equal(suggest('x', []), undefined);
  assert.equal(suggest('a'.repeat(10_000), ['a'.repeat(10_001)]), undefined);
});
