import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../../../../wire/kafka/lease.js';

const SESSION_MS = 10_000;

/** A lease, and two clocks to set. */
function leased(): { lease: Lease; clock: { wall: number; monotonic: number }; pass: (ms: number) => void } {
  const clock = { wall: 1_000_000, monotonic: 5000 };
  const lease = new Lease(SESSION_MS, { wallMs: () => clock.wall, monotonicMs: () => clock.monotonic });
  const pass = (ms: number): void => {
    clock.wall += ms;
    clock.monotonic += ms;
  };
  return { lease, clock, pass };
}

test('it is held from when the request was made, not from its answer', () => {
  const { lease, clock, pass } = leased();
  assert.equal(lease.isHeld, false, 'nothing has been answered yet');
  const createdMs = clock.wall;
  pass(4000);
  lease.answered(createdMs);
  lease.confirm();
  assert.ok(lease.isHeld);
  pass(5999);
  assert.ok(lease.isHeld);
  pass(1);
  assert.equal(lease.isHeld, false);
});

test('an answer that is no success ends it', () => {
  const { lease, clock } = leased();
  lease.answered(clock.wall);
  lease.confirm();
  lease.answered(clock.wall);
  assert.equal(lease.isHeld, false);
  lease.confirm();
  assert.ok(lease.isHeld);
  lease.drop();
  assert.equal(lease.isHeld, false);
  lease.confirm();
  assert.equal(lease.isHeld, false, 'there is no answer that this could be about');
});

test('a process that was stopped finds an old answer when it wakes', () => {
  const { lease, clock, pass } = leased();
  const createdMs = clock.wall;
  pass(60_000);
  lease.answered(createdMs);
  lease.confirm();
  assert.equal(lease.isHeld, false);
});

test('neither a suspended machine nor a clock that is set keeps it', () => {
  const suspended = leased();
  suspended.lease.answered(suspended.clock.wall);
  suspended.lease.confirm();
  suspended.clock.wall += SESSION_MS;
  assert.equal(suspended.lease.isHeld, false, 'the monotonic clock stands still in suspend');

  const setBack = leased();
  setBack.lease.answered(setBack.clock.wall);
  setBack.lease.confirm();
  setBack.pass(SESSION_MS);
  setBack.clock.wall -= 3_600_000;
  assert.equal(setBack.lease.isHeld, false, 'the wall clock was set back an hour');

  const during = leased();
  const createdMs = during.clock.wall;
  during.clock.wall -= 1;
  during.lease.answered(createdMs);
  during.lease.confirm();
  assert.equal(during.lease.isHeld, false, 'set back between request and answer: how old it is cannot be known');
});
