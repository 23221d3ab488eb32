import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyframeSchedule } from '../../../../collector/publish/keyframe-schedule.js';

function create(hostId: string, intervalMs = 60_000): { schedule: KeyframeSchedule; at: (ms: number) => boolean } {
  let now = 1000;
  const schedule = new KeyframeSchedule({ intervalMs, hostId, now: () => now });
  return { schedule, at: (ms) => ((now = 1000 + ms), schedule.isDue) };
}

/** When the second keyframe is due, in milliseconds after the first. */
function second(hostId: string): number {
  const { schedule, at } = create(hostId);
  schedule.done();
  let ms = 0;
  while (!at(ms)) ms += 100;
  return ms;
}

test('the first is due at once, the second at each host’s own time, the others an interval apart', () => {
  const times = Array.from({ length: 200 }, (_, i) => second(`host-${i}`));
  assert.ok(times.every((ms) => ms >= 30_000 && ms <= 60_000));
  assert.ok(new Set(times.map((ms) => Math.floor(ms / 3000))).size > 8, 'spread over the half interval');
  assert.equal(second('host-1'), times[1]);
  const { schedule, at } = create('host');
  assert.ok(at(0));
  schedule.done();
  at(100_000);
  schedule.done();
  assert.ok(!at(159_900) && at(160_000));
});

test('one that is demanded is due at once; without an interval there is but the first', () => {
  const { schedule, at } = create('host', Infinity);
  schedule.done();
  assert.ok(!at(1e12));
  schedule.demand();
  assert.ok(at(0));
  schedule.done();
  assert.ok(!at(1e12));
});
