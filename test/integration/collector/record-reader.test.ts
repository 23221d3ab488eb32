import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostAnswers } from '../../../collector/facts/host-answers.js';
import { SourceFacts } from '../../../collector/facts/source-facts.js';
import { DrainClock } from '../../../collector/publish/drain-clock.js';
import { FrameEncoder } from '../../../collector/publish/frame-encoder.js';
import { RecordReader } from '../../../collector/source/record-reader.js';
import { native } from '../../../native/index.js';
import { decodeFrame, unpackU32, type Frame } from '../../../wire/frame.js';
import type { Field } from '../../../wire/layout/fields.js';
import { EventFixture } from '../../harness/event-fixture.js';

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

/** A reader whose frames go to `frames`, as a bus takes them. */
function read(
  fixture: EventFixture,
  kind: 'ring' | 'perf',
  facts?: SourceFacts,
): { reader: RecordReader; frames: Frame[] } {
  const frames: Frame[] = [];
  const encoder = new FrameEncoder({ hostId: 'host', bootId: 'boot' });
  const reader = new RecordReader({
    map: fixture.map(kind),
    configId: 1,
    epoch: 2,
    mapId: 3,
    clock: new DrainClock(() => native.clockAnchor()),
    ...(facts !== undefined && { facts }),
    push: (items) => {
      for (const { body, drained } of items) frames.push(decodeFrame(encoder.encode(body, drained!)));
    },
    onError: (error) => assert.fail(String(error)),
  });
  return { reader, frames };
}

for (const kind of ['ring', 'perf'] as const) {
  test(`records of a ${kind} buffer arrive as frames, in order, each once, with the clocks around them`, async (t) => {
    const fixture = new EventFixture(`write_${kind}`);
    t.after(() => fixture.object.close());
    const { reader, frames } = read(fixture, kind);
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
    assert.equal(reader.account.in, 7 * 33);
    frames.forEach((frame, i) => assert.equal(frame.recordsSeq, BigInt(i + 1)));
    for (const { anchor, previousAnchor } of frames) {
      assert.ok(previousAnchor!.monotonicNs < anchor!.monotonicNs);
      assert.ok(anchor!.uncertaintyNs < 10_000_000n);
    }
  });
}

/** The number in front of each record, as if it were an address. */
const NUMBER_AS_SYMBOL: Field = {
  name: 'function',
  offset: 0,
  size: 8,
  type: null,
  decoders: [{ name: 'ksym', allowUnknown: false, regexps: [] }],
};

test('what records need is said once before them, in order, and again when all is to be said again', async (t) => {
  const fixture = new EventFixture('write_ring');
  t.after(() => fixture.object.close());
  const ksym = { answer: (address: bigint) => Promise.resolve(`function_${address}`) };
  const facts = new SourceFacts([NUMBER_AS_SYMBOL], new HostAnswers({ ksym }));
  const { reader, frames } = read(fixture, 'ring', facts);
  t.after(() => reader.close());
  const round = async (from: bigint): Promise<string[]> => {
    fixture.next = from;
    fixture.emit({ records: 2, bytes: 16 });
    await reader.flush();
    return frames
      .splice(0)
      .map(({ body }) => (body.case === 'lookup' ? `lookup ${body.value.ids.join()}` : body.case!));
  };
  assert.deepEqual(await round(7n), ['lookup 7,8', 'records']);
  assert.deepEqual(await round(7n), ['records'], 'said already');
  assert.deepEqual(await round(8n), ['lookup 9', 'records']);
  facts.renew();
  assert.deepEqual(await round(7n), ['lookup 7,8', 'records']);
  assert.deepEqual(await round(7n), ['records']);
});

test('records that wait for facts cost a bounded amount of memory, and what is dropped is counted', async (t) => {
  const fixture = new EventFixture('write_ring', 4 * 1024 * 1024);
  t.after(() => fixture.object.close());
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const ksym = { answer: () => asked.then(() => 'function') };
  const facts = new SourceFacts([NUMBER_AS_SYMBOL], new HostAnswers({ ksym }));
  const { reader, frames } = read(fixture, 'ring', facts);
  t.after(() => reader.close());
  reader.start();
  const batches = 50;
  let flushed = Promise.resolve();
  for (let i = 0; i < batches; i++) {
    assert.equal(fixture.emit({ records: 60, bytes: 8000 }), 0);
    flushed = reader.flush();
  }
  const backlog = reader.account.lost.get('backlog')!;
  const taken = batches * 60 - backlog;
  assert.ok(backlog > 0 && taken * 8000 <= 16 * 1024 * 1024, `${backlog} dropped, ${taken} taken`);
  answer();
  await flushed;
  assert.equal(frames.filter(({ body }) => body.case === 'records').flatMap(numbersOf).length, taken);
  fixture.emit({ records: 1, bytes: 8 });
  await reader.flush();
  const told = frames.reduce((sum, { body }) => sum + (body.case === 'records' ? body.value.lost : 0n), 0n);
  assert.equal(told, BigInt(backlog), 'frames say how many are missing before them');
});
