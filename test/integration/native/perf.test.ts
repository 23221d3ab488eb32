import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventBatch } from '../../../native/index.js';
import { EventFixture, recordContents } from '../../harness/event-fixture.js';
import { throwsNative } from '../../harness/native-assert.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

/** The kernel fills a raw sample up so that its size field and it are a multiple of 8 together. */
const paddedLength = (bytes: number): number => ((bytes + 4 + 7) & ~7) - 4;

/** Records by number: one CPU's come in order, but the test may move between CPUs. */
class Collector {
  readonly numbers: bigint[] = [];
  lost = 0;
  readonly #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  readonly onBatch = (batch: EventBatch): void => {
    let at = 0;
    for (let i = 0; i < batch.count; i++) {
      const length = batch.lengths[i] ?? 0;
      assert.equal(length, paddedLength(this.#bytes));
      const record = batch.data.slice(at, at + this.#bytes);
      const number = new DataView(record.buffer).getBigUint64(0, true);
      assert.deepEqual(record, recordContents(number, this.#bytes));
      this.numbers.push(number);
      at += (length + 7) & ~7;
    }
    assert.equal(at, batch.bytes);
    this.lost += batch.lost;
  };

  assertAll(count: bigint): void {
    const sorted = [...this.numbers].sort((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(
      sorted,
      Array.from({ length: Number(count) }, (_, i) => BigInt(i)),
    );
  }
}

describe('perf buffer', { skip: skipUnlessRoot }, () => {
  for (const bytes of [8, 60, 61, 500, 3000]) {
    it(`delivers records of ${bytes} bytes whole, many times around the buffer`, () => {
      const fixture = new EventFixture('write_perf');
      const collector = new Collector(bytes);
      const reader = fixture.map('perf').openPerfBuffer({ pages: 2, onBatch: collector.onBatch });
      for (let round = 0; round < 100; round++) {
        assert.equal(fixture.emit({ records: 2, bytes }), 0);
        assert.equal(reader.drain(), false);
      }
      collector.assertAll(200n);
      assert.equal(collector.lost, 0);
      assert.equal(reader.stats().sizeBytes % 8192, 0);
      fixture.object.close();
    });
  }

  it('counts exactly what the kernel lost', async () => {
    const fixture = new EventFixture('write_perf');
    const collector = new Collector(60);
    const reader = fixture.map('perf').openPerfBuffer({ pages: 1, onBatch: collector.onBatch });
    let refused = 0;
    for (let round = 0; round < 5; round++) {
      refused += fixture.emit({ records: 300, bytes: 60 });
      reader.drain();
    }
    assert.ok(refused > 0);
    // The kernel reports a CPU's loss in front of the next record that it can write there: wait for one on each CPU.
    for (const deadline = Date.now() + 5000; collector.lost < refused && Date.now() < deadline;) {
      refused += fixture.emit({ records: 1, bytes: 60 });
      reader.drain();
      await delay(5);
    }
    assert.equal(collector.lost, refused);
    assert.equal(reader.stats().lost, BigInt(refused));
    assert.equal(BigInt(collector.numbers.length) + BigInt(refused), fixture.next);
    fixture.object.close();
  });

  it('bounds a batch and a drain', () => {
    const fixture = new EventFixture('write_perf');
    const collector = new Collector(60);
    const reader = fixture.map('perf').openPerfBuffer({ maxRecords: 10, maxBatches: 2, onBatch: collector.onBatch });
    fixture.emit({ records: 45, bytes: 60 });
    assert.equal(reader.drain(), true);
    assert.equal(collector.numbers.length, 20);
    while (reader.drain());
    collector.assertAll(45n);
    fixture.object.close();
  });

  it('skips and counts records larger than the arena', () => {
    const fixture = new EventFixture('write_perf');
    const collector = new Collector(60);
    const reader = fixture.map('perf').openPerfBuffer({ arenaBytes: 64, onBatch: collector.onBatch });
    fixture.emit({ records: 1, bytes: 600 });
    fixture.emit({ records: 1, bytes: 60 });
    while (reader.drain());
    assert.deepEqual(collector.numbers, [1n]);
    assert.equal(reader.stats().oversize, 1n);
    fixture.object.close();
  });

  it('wakes for records', async () => {
    const fixture = new EventFixture('write_perf');
    const collector = new Collector(60);
    const reader = fixture.map('perf').openPerfBuffer({ onBatch: collector.onBatch });
    reader.start();
    for (let round = 1; round <= 5; round++) {
      fixture.emit({ records: 10, bytes: 60 });
      for (const deadline = Date.now() + 5000; collector.numbers.length < round * 10; await delay(1)) {
        assert.ok(Date.now() < deadline, 'waited 5 s for a wake-up');
      }
    }
    collector.assertAll(50n);
    reader.close();
    assert.equal(fixture.emit({ records: 1, bytes: 60 }), 1, 'nobody reads any more, and the program is told');
    fixture.object.close();
  });

  it('refuses a number of pages that is not a power of two', () => {
    const fixture = new EventFixture('write_perf');
    throwsNative(() => fixture.map('perf').openPerfBuffer({ pages: 3, onBatch: () => {} }), {
      code: 'INVALID_ARGUMENT',
      map: 'perf',
    });
    fixture.object.close();
  });
});
