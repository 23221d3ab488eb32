import assert from 'node:assert/strict';
import type { ChildResult } from '../harness/child.js';

/** A user's mistake: status 1, a message that says this, and nothing that only a programmer reads. */
export function assertRefused(result: ChildResult, ...says: readonly RegExp[]): void {
  const { status, stdout, stderr } = result;
  for (const words of says) assert.match(stderr, words);
  assert.equal(status, 1, stderr);
  assert.equal(stdout, '');
  assertForPeople(stderr);
}

/** No stack trace, no warning of Node's, no fault of our own. */
export function assertForPeople(text: string): void {
  assert.doesNotMatch(text, /^\s+at .*:\d+/m, 'a stack trace');
  assert.doesNotMatch(text, /\(node:\d+\)|Warning:|fault of Sonde|undefined|\[object/);
}
