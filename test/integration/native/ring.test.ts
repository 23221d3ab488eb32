import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventBatch, EventReader, RingOptions } from '../../../native/index.js';
import { BPF_RB_NO_WAKEUP, EventFixture, recordContents } from '../../harness/event-fixture.js';
import { throwsNative } from '../../harness/native-assert.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

/** Checks every record against the number it must carry, and counts. */
class Checker {
  count = 0;
  batches = 0;
  mostInBatch = 0;
  arrived = new Map<bigint, number>();
  next = 0n;

  readonly onBatch = (batch: EventBatch): void => {
    let at = 0;
    for (let i = 0; i < batch.count; i++) {
      const length = batch.lengths[i] ?? 0;
      assert.deepEqual(batch.data.slice(at, at + length), recordContents(this.next++, length));
      const end = (at + length + 7) & ~7;
      assert.ok(batch.data.subarray(at + length, end).every((byte) => byte === 0));
      at = end;
    }
    assert.equal(at, batch.bytes);
    assert.equal(batch.lost, 0);
    this.count += batch.count;
    this.batches++;
    this.mostInBatch = Math.max(this.mostInBatch, batch.count);
  };
}

interface Opened {
  readonly fixture: EventFixture;
  readonly reader: EventReader;
  readonly checker: Checker;
}

function withRing(options: Partial<RingOptions>, ringBytes: number, body: (opened: Opened) => void | Promise<void>) {
  return async (): Promise<void> => {
    const checker = new Checker();
    const fixture = new EventFixture('write_ring', ringBytes);
    try {
      const reader = fixture.map('ring').openRing({ onBatch: checker.onBatch, ...options });
      await body({ fixture, reader, checker });
    } finally {
      fixture.object.close();
    }
  };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); await delay(1)) {
    assert.ok(Date.now() < deadline, `waited 5 s for ${what}`);
  }
}

describe('ring buffer', { skip: skipUnlessRoot }, () => {
  for (const bytes of [8, 9, 61, 64, 256, 4093]) {
    it(
      `delivers records of ${bytes} bytes whole, many times around the ring`,
      withRing({}, 16_384, ({ fixture, reader, checker }) => {
        for (let round = 0; round < 40; round++) {
          assert.equal(fixture.emit({ records: 3, bytes }), 0);
          assert.equal(reader.drain(), false);
        }
        assert.equal(checker.count, 120);
        assert.equal(checker.next, fixture.next);
      }),
    );
  }

  it(
    'delivers records of changing sizes',
    withRing({}, 65_536, ({ fixture, reader, checker }) => {
      for (let bytes = 8; bytes < 1000; bytes += 7) {
        assert.equal(fixture.emit({ records: 7, bytes }), 0);
        if (bytes % 3 === 0) reader.drain();
      }
      reader.drain();
      assert.equal(checker.next, fixture.next);
      const stats = reader.stats();
      assert.equal(stats.records, fixture.next);
      assert.equal(stats.sizeBytes, 65_536);
      assert.ok(stats.highWaterBytes > 8 && stats.highWaterBytes <= 65_536);
    }),
  );

  it(
    'drains a full ring, and the kernel counts what did not fit',
    withRing({}, 65_536, ({ fixture, reader, checker }) => {
      // 64 bytes and a header of 8: 910 fit.
      assert.equal(fixture.emit({ records: 1000, bytes: 64 }), 90);
      assert.equal(reader.drain(), false);
      assert.equal(checker.count, 910);
      assert.equal(reader.stats().highWaterBytes, 910 * 72);
    }),
  );

  it(
    'skips and counts discarded records',
    withRing({}, 65_536, ({ fixture, reader, checker }) => {
      assert.equal(fixture.emit({ records: 100, bytes: 40, discardEvery: 3 }), 0);
      assert.equal(reader.drain(), false);
      assert.equal(checker.count, 100);
      assert.equal(reader.stats().discarded, 34n);
    }),
  );

  it('skips and counts records larger than the arena, and delivers those that fill it', () => {
    const fixture = new EventFixture('write_ring', 65_536);
    const lengths: number[] = [];
    const reader = fixture.map('ring').openRing({
      arenaBytes: 1024,
      onBatch: (batch) => lengths.push(...batch.lengths.subarray(0, batch.count)),
    });
    for (const bytes of [1024, 1025, 16, 5000, 1017, 1024]) fixture.emit({ records: 1, bytes });
    assert.equal(reader.drain(), false);
    assert.deepEqual(lengths, [1024, 16, 1017, 1024]);
    assert.equal(reader.stats().oversize, 2n);
    assert.equal(reader.stats().records, 4n);
    fixture.object.close();
  });

  it(
    'bounds a batch by records and a drain by batches',
    withRing({ maxRecords: 10, maxBatches: 3 }, 65_536, ({ fixture, reader, checker }) => {
      fixture.emit({ records: 65, bytes: 16 });
      assert.equal(reader.drain(), true);
      assert.deepEqual([checker.count, checker.batches, checker.mostInBatch], [30, 3, 10]);
      assert.equal(reader.drain(), true);
      assert.equal(checker.count, 60);
      assert.equal(reader.drain(), false);
      assert.deepEqual([checker.count, checker.batches], [65, 7]);
    }),
  );

  it(
    'bounds a drain of nothing but discarded records, too',
    withRing({ maxRecords: 10, maxBatches: 2 }, 65_536, ({ fixture, reader, checker }) => {
      fixture.emit({ records: 40, bytes: 16, discardEvery: 1 });
      assert.equal(reader.drain(), true);
      assert.equal(Number(reader.stats().discarded) + checker.count, 20);
    }),
  );

  it(
    'wakes for records',
    withRing({ maxDelayMs: 60_000 }, 65_536, async ({ fixture, reader, checker }) => {
      reader.start();
      reader.start();
      for (let round = 1; round <= 5; round++) {
        fixture.emit({ records: 10, bytes: 64 });
        await until(() => checker.count === round * 10, 'a wake-up');
      }
    }),
  );

  it(
    'finds what was there before the start',
    withRing({ maxDelayMs: 60_000 }, 65_536, async ({ fixture, reader, checker }) => {
      fixture.emit({ records: 10, bytes: 64, flags: BPF_RB_NO_WAKEUP });
      reader.start();
      await until(() => checker.count === 10, 'the records');
    }),
  );

  it(
    'finds records without wake-up by the timer',
    withRing({ maxDelayMs: 30 }, 65_536, async ({ fixture, reader, checker }) => {
      reader.start();
      // Long enough for the ring to be polled again after the drain at the start.
      await delay(20);
      for (let round = 1; round <= 3; round++) {
        fixture.emit({ records: 10, bytes: 64, flags: BPF_RB_NO_WAKEUP });
        await until(() => checker.count === round * 10, 'the timer');
      }
    }),
  );

  it(
    'gives the event loop its turn between drains, and goes on without a new signal',
    withRing({ maxRecords: 5, maxBatches: 1, maxDelayMs: 60_000 }, 65_536, async ({ fixture, reader, checker }) => {
      const turns: number[] = [];
      fixture.emit({ records: 50, bytes: 16 });
      reader.start();
      while (checker.count < 50) {
        await new Promise(setImmediate);
        if (turns.at(-1) !== checker.count) turns.push(checker.count);
      }
      // The first drain may be followed by the next one in the same turn: one for the timer, one for what was left.
      const steps = turns.map((count, i) => count - (turns[i - 1] ?? 0)).filter((step) => step > 0);
      assert.ok(
        steps.every((step, i) => step === 5 || (i === 0 && step === 10)),
        steps.join(),
      );
    }),
  );

  it('runs promise jobs after a batch', async () => {
    const fixture = new EventFixture('write_ring');
    const order: string[] = [];
    const reader = fixture.map('ring').openRing({
      maxRecords: 1,
      onBatch: () => {
        order.push('batch');
        void Promise.resolve().then(() => order.push('job'));
      },
    });
    fixture.emit({ records: 2, bytes: 16 });
    reader.start();
    await until(() => order.length === 4, 'two batches');
    assert.deepEqual(order, ['batch', 'job', 'batch', 'job']);
    fixture.object.close();
  });

  it('lets what the callback throws out of drain() and goes on after it', () => {
    const fixture = new EventFixture('write_ring');
    let calls = 0;
    const reader = fixture.map('ring').openRing({
      maxRecords: 1,
      onBatch: () => {
        if (calls++ === 0) throw new Error('mine');
      },
    });
    fixture.emit({ records: 2, bytes: 16 });
    assert.throws(() => reader.drain(), /mine/);
    assert.equal(reader.drain(), false);
    assert.equal(calls, 2);
    fixture.object.close();
  });

  it('refuses a drain within a drain', () => {
    const fixture = new EventFixture('write_ring');
    const reader: EventReader = fixture.map('ring').openRing({
      onBatch: () => {
        throwsNative(() => reader.drain(), { code: 'BUSY', map: 'ring' });
      },
    });
    fixture.emit({ records: 1, bytes: 16 });
    assert.equal(reader.drain(), false);
    assert.equal(reader.stats().records, 1n);
    fixture.object.close();
  });

  it('has one reader at a time', () => {
    const fixture = new EventFixture('write_ring');
    const ring = fixture.map('ring');
    const onBatch = (): void => {};
    const first = ring.openRing({ onBatch });
    throwsNative(() => ring.openRing({ onBatch }), { code: 'BUSY', map: 'ring' });
    first.close();
    throwsNative(() => first.drain(), { code: 'CLOSED' });
    throwsNative(() => first.start(), { code: 'CLOSED' });
    assert.equal(first.stats().records, 0n);
    ring.openRing({ onBatch }).close();
    fixture.object.close();
  });

  it('refuses other maps and bad options', () => {
    const fixture = new EventFixture('write_ring');
    const onBatch = (): void => {};
    throwsNative(() => fixture.map('command').openRing({ onBatch }), { code: 'INVALID_ARGUMENT', map: 'command' });
    throwsNative(() => fixture.map('ring').openPerfBuffer({ onBatch }), { code: 'INVALID_ARGUMENT', map: 'ring' });
    throwsNative(() => fixture.map('ring').openRing({ onBatch, arenaBytes: 0 }), { code: 'INVALID_ARGUMENT' });
    throwsNative(() => fixture.map('ring').openRing({ onBatch, maxDelayMs: 0.5 }), { code: 'INVALID_ARGUMENT' });
    throwsNative(() => fixture.map('ring').openRing({ onBatch: 1 as unknown as () => void }), {
      code: 'INVALID_ARGUMENT',
    });
    fixture.object.close();
  });
});
