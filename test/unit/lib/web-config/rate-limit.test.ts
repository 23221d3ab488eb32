import assert from 'node:assert/strict';
import test from 'node:test';
import { RateLimit } from '../../../../lib/web-config/rate-limit.js';

test('a burst, then one an interval; a pause fills no more than the burst', () => {
  const clock = { now: 5 };
  const limit = new RateLimit({ intervalMs: 100, burst: 3, now: () => clock.now });
  const take = (times: number): number => Array.from({ length: times }, () => limit.take()).filter(Boolean).length;
  assert.equal(take(5), 3);
  clock.now += 99;
  assert.equal(take(5), 0);
  clock.now += 1;
  assert.equal(take(5), 1);
  // What was refused cost nothing.
  clock.now += 250;
  assert.equal(take(5), 2);
  clock.now += 1_000_000;
  assert.equal(take(5), 3);
});
