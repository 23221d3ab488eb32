import assert from 'node:assert/strict';
import test from 'node:test';
import type { BusRecord } from '../../../wire/bus.js';
import { MemoryBus } from '../../../wire/memory-bus.js';
import { taking } from '../../harness/partition-handler.js';

function record(number: number): BusRecord {
  return { key: 'host', value: Uint8Array.of(number) };
}

test('records arrive in order, one after the other, and publish resolves when they are applied', async () => {
  const bus = new MemoryBus();
  const seen: number[] = [];
  let under = 0;
  await bus.start(
    taking(async ({ value }) => {
      assert.equal(++under, 1, 'one at a time');
      // The first takes longest: order is not luck.
      await new Promise((resolve) => setTimeout(resolve, 5 - value[0]!));
      seen.push(value[0]!);
      under--;
    }),
  );
  const first = bus.publish([record(0), record(1)]);
  const second = bus.publish([record(2)]);
  await second;
  assert.deepEqual(seen, [0, 1, 2]);
  await first;
});

test('a delivery that fails rejects its own publisher, and the next one arrives', async () => {
  const bus = new MemoryBus();
  const seen: number[] = [];
  await bus.start(
    taking(({ value }) => {
      if (value[0] === 1) throw new Error('not taken');
      seen.push(value[0]!);
    }),
  );
  const outcomes = await Promise.allSettled([bus.publish([record(1), record(2)]), bus.publish([record(3)])]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  assert.deepEqual(
    seen,
    [3],
    'what followed in the failed publish was not handed over either: it is unknown to the publisher',
  );
});

test('close waits for what is under way; afterwards, and before a consumer, a publish is refused', async () => {
  const bus = new MemoryBus();
  await assert.rejects(bus.publish([record(1)]), /before a consumer/);
  let applied = false;
  await bus.start(
    taking(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      applied = true;
    }),
  );
  const publish = bus.publish([record(1)]);
  await bus.close();
  assert.equal(applied, true);
  await publish;
  await assert.rejects(bus.publish([record(2)]), /after close/);
  await bus.close();
});
