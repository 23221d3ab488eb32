import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DrainClock } from '../../../collector/publish/drain-clock.js';
import { FramePublisher } from '../../../collector/publish/frame-publisher.js';
import { RecordReader } from '../../../collector/source/record-reader.js';
import { native } from '../../../native/index.js';
import { decodeFrame, unpackU32, type Frame } from '../../../wire/frame.js';
import { MemoryBus } from '../../../wire/memory-bus.js';
import { taking } from '../../harness/partition-handler.js';
import { EventFixture } from '../../harness/event-fixture.js';

const IDENTITY = { hostId: 'host', bootId: 'boot' };

/** The number at the front of each record of a Records frame. */
function numbersOf(frame: Frame): bigint[] {
  assert.equal(frame.body.case, 'records');
  const { data, lengths } = frame.body.value as { data: Uint8Array; lengths: Uint8Array };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  return [...unpackU32(lengths)].map((length) => {
    const number = view.getBigUint64(at, true);
    at += Math.ceil(length / 8) * 8;
    return number;
  });
}

for (const kind of ['ring', 'perf'] as const) {
  test(`records of a ${kind} buffer arrive as frames, in order, each once, with the clocks around them`, async (t) => {
    const fixture = new EventFixture(`write_${kind}`);
    t.after(() => fixture.object.close());
    const frames: Frame[] = [];
    const bus = new MemoryBus();
    await bus.start(taking((record) => void frames.push(decodeFrame(record.value))));
    const publisher = new FramePublisher({ bus, ...IDENTITY });
    const clock = new DrainClock(() => native.clockAnchor());
    const reader = new RecordReader({
      map: fixture.map(kind),
      configId: 1,
      epoch: 2,
      mapId: 3,
      publish: (body) => publisher.publish(body, clock.mark()),
      onError: (error) => assert.fail(String(error)),
    });
    t.after(() => reader.close());
    reader.start();
    for (let round = 0; round < 7; round++) {
      assert.equal(fixture.emit({ records: 33, bytes: 21 }), 0);
      await reader.flush();
    }
    assert.deepEqual(
      frames.flatMap(numbersOf),
      Array.from({ length: 7 * 33 }, (_, i) => BigInt(i)),
    );
    frames.forEach((frame, i) => assert.equal(frame.recordsSeq, BigInt(i + 1)));
    for (const { anchor, previousAnchor } of frames) {
      assert.ok(previousAnchor!.monotonicNs < anchor!.monotonicNs);
      assert.ok(anchor!.uncertaintyNs < 10_000_000n);
    }
  });
}

test('a bus that hangs costs a bounded amount of memory, and what it does not take is counted', async (t) => {
  const fixture = new EventFixture('write_ring', 4 * 1024 * 1024);
  t.after(() => fixture.object.close());
  const told: bigint[] = [];
  let waiting: (() => void)[] = [];
  const reader = new RecordReader({
    map: fixture.map('ring'),
    configId: 1,
    epoch: 1,
    mapId: 1,
    publish: (body) => {
      told.push((body.value as { lost: bigint }).lost);
      return new Promise((resolve) => waiting.push(resolve));
    },
    onError: () => undefined,
  });
  t.after(() => reader.close());
  reader.start();
  const batches = 50;
  for (let i = 0; i < batches; i++) {
    assert.equal(fixture.emit({ records: 60, bytes: 8000 }), 0);
    void reader.flush();
  }
  const { backlog } = reader.losses();
  const taken = BigInt(batches * 60) - backlog;
  assert.ok(backlog > 0n && taken * 8000n <= 16n * 1024n * 1024n, `${backlog} dropped, ${taken} taken`);
  for (const resolve of waiting) resolve();
  waiting = [];
  await reader.flush();
  fixture.emit({ records: 1, bytes: 8 });
  const last = reader.flush();
  assert.equal(told.at(-1), backlog, 'the next frame says how many are missing before it');
  waiting.forEach((resolve) => resolve());
  await last;
});
