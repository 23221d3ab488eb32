import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aggregated, FUNCTIONS, startCollector, writeEvents } from '../../harness/collector-fixture.js';
import { GatedBus } from '../../harness/gated-bus.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { packageRoot } from '../../harness/root.js';
import { until } from '../../harness/until.js';

/** A probe of Sonde's own, whose keys are functions. */
function timers(): { yaml: string; object: Uint8Array } {
  const folder = join(packageRoot(), 'dist', 'bpf');
  return {
    yaml: readFileSync(join(folder, 'timers.yaml'), 'utf8'),
    object: readFileSync(join(folder, 'timers.bpf.o')),
  };
}

test('whoever begins in the middle is complete after one keyframe', { skip: skipUnlessRoot }, async (t) => {
  const bus = new GatedBus();
  const fixture = await startCollector(t, { bus, keyframeIntervalMs: 200, more: { timers: timers() } });
  const { collector, metrics } = fixture;
  const keyframes = async (): Promise<number> => (await metrics.keyframes.get()).values[0]!.value;
  await writeEvents(fixture, 0, 50);
  await until(() => bus.frames.some(({ body }) => body.case === 'mapRows'), 'a timer to be started');
  const middle = bus.records.length;
  const before = await keyframes();
  await until(async () => (await keyframes()) >= before + 2, 'a keyframe that began in the meantime');
  await writeEvents(fixture, 50, 10);
  await collector.close();

  const whole = await aggregated(bus.records);
  const part = await aggregated(bus.records.slice(middle));
  const rows = (series: Map<string, number>): [string, number][] =>
    [...series].filter(([name]) => name.startsWith('timer_starts_total')).sort();
  assert.ok(rows(whole).length > 0);
  assert.deepEqual(rows(part), rows(whole), 'all rows, under the names that the host has for them');
  const events = [...part].filter(([name]) => name.startsWith('events_total'));
  assert.deepEqual(events.map(([name]) => /function=(\w+)/.exec(name)![1]!).sort(), [...FUNCTIONS].sort());
  assert.equal(
    events.reduce((sum, [, value]) => sum + value, 0),
    10,
  );
});

test(
  'there is no keyframe while the bus is away, and one as soon as it is back',
  { skip: skipUnlessRoot },
  async (t) => {
    const bus = new GatedBus();
    const { collector, metrics } = await startCollector(t, {
      bus,
      keyframeIntervalMs: 100,
      more: { timers: timers() },
    });
    bus.state = 'away';
    await collector.refresh();
    const frames = bus.frames.length;
    const { values } = await metrics.polls.get();
    const polls = values.reduce((sum, { value }) => sum + value, 0);
    await until(
      async () => (await metrics.polls.get()).values.reduce((sum, { value }) => sum + value, 0) > polls + 5,
      'polls',
    );
    assert.equal(bus.frames.length, frames);
    bus.state = 'up';
    await until(() => bus.frames.slice(frames).some(({ body }) => body.case === 'health'), 'a poll that gets through');
    const kinds = bus.frames
      .slice(frames)
      .map(({ body }) => (body.case === 'mapRows' ? body.value.keyframe : body.case));
    const first = kinds.indexOf(true);
    assert.ok(first > 0 && first < kinds.indexOf('health') && !kinds.slice(0, first).includes(false), kinds.join());
  },
);
