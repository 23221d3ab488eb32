import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../../../wire/kafka/breaker.js';

function breaker(random = 0): { breaker: Breaker; clock: { nowMs: number } } {
  const clock = { nowMs: 0 };
  const options = { minPauseMs: 100, maxPauseMs: 400, now: () => clock.nowMs, random: () => random };
  return { breaker: new Breaker(options), clock };
}

test('everything passes until a failure, then nothing until the pause is over', () => {
  const { breaker: open, clock } = breaker();
  assert.ok(open.tryPass());
  assert.ok(open.tryPass());
  open.failed(new Error('away'));
  assert.equal(open.tryPass(), false);
  clock.nowMs = 99;
  assert.equal(open.tryPass(), false);
  assert.equal(open.lastError?.message, 'away');
});

test('one call passes as the probe, and what it finds decides for all', () => {
  const { breaker: open, clock } = breaker();
  open.failed(new Error('away'));
  clock.nowMs = 100;
  assert.ok(open.tryPass());
  assert.equal(open.tryPass(), false, 'one probe at a time');
  open.failed(new Error('still away'));
  assert.equal(open.tryPass(), false);
  clock.nowMs = 300;
  assert.ok(open.tryPass(), 'the second pause is twice as long');
  open.succeeded();
  assert.ok(open.tryPass());
  assert.ok(open.tryPass());
  assert.equal(open.lastError, undefined);
});

test('pauses double up to their bound, and begin anew after a success', () => {
  const { breaker: open, clock } = breaker();
  for (const pauseMs of [100, 200, 400, 400]) {
    open.failed(new Error('away'));
    clock.nowMs += pauseMs - 1;
    assert.equal(open.tryPass(), false, `${pauseMs}`);
    clock.nowMs += 1;
    assert.ok(open.tryPass(), `${pauseMs}`);
  }
  open.succeeded();
  open.failed(new Error('away'));
  clock.nowMs += 100;
  assert.ok(open.tryPass());
});

test('chance shortens a pause by up to a half', () => {
  const { breaker: open, clock } = breaker(0.5);
  open.failed(new Error('away'));
  clock.nowMs = 74;
  assert.equal(open.tryPass(), false);
  clock.nowMs = 75;
  assert.ok(open.tryPass());
});
