import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { SondeError } from '../../../../wire/errors.js';
import { temporaryFolder } from '../../../harness/disk-log.js';
import { GatedBus, inSequence } from '../../../harness/gated-bus.js';
import { drained, LaneFixture, numbersIn } from '../../../harness/lane-fixture.js';
import { assertAddsUp, showLane } from '../../../harness/lane-property.js';
import { forSeeds } from '../../../harness/seed.js';

const KIB = 1024;

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function kinds(bus: GatedBus): (string | undefined)[] {
  return bus.frames.map(({ body }) => body.case);
}

test('frames go straight to the bus, and those that come meanwhile are joined into one send', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus });
  lane.manifest();
  await lane.lane.flush(1000);
  bus.state = 'hangs';
  for (let i = 0; i < 9; i++) lane.records(3);
  assert.deepEqual(numbersIn(bus.frames), [], 'under way');
  bus.release('up');
  await lane.lane.flush(1000);
  assert.deepEqual(numbersIn(bus.frames), upTo(27));
  assert.equal(bus.sends.length, 3, 'the Manifest, the first, and the eight that came while it was under way');
  assert.deepEqual(inSequence(bus.frames).missing, 0n);
  assertAddsUp(lane);
});

test('a send has 900 KiB at most, and there is one at a time', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus });
  bus.state = 'hangs';
  for (let i = 0; i < 10; i++) lane.records(1, 400 * KIB);
  bus.release('up');
  await lane.lane.flush(1000);
  assert.deepEqual(numbersIn(bus.frames), upTo(10));
  assert.ok(bus.sends.every((bytes) => bytes <= 900 * KIB));
  assert.equal(bus.sends.length, 6);
  assert.equal(bus.mostUnderWay, 1);
});

test('while the bus is away frames go to the spool, and come in order when it is back', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: temporaryFolder(t) });
  lane.manifest();
  lane.records(2);
  await lane.lane.flush(1000);
  bus.state = 'away';
  lane.records(2);
  await lane.lane.flush(1000);
  lane.records(2);
  assert.equal(lane.lane.memoryBytes, 0);
  assert.equal(lane.spool!.waiting.weight, 4);
  assert.equal(lane.account.waiting, 4);
  bus.state = 'up';
  await lane.lane.flush(1000);
  assert.deepEqual(numbersIn(bus.frames), upTo(6));
  lane.records(2);
  await lane.lane.flush(1000);
  assert.deepEqual(numbersIn(bus.frames), upTo(8));
  assert.equal(inSequence(bus.frames).missing, 0n);
  assert.equal(lane.caughtUp, 1);
  assert.equal(lane.account.waiting, 0);
  assertAddsUp(lane);
});

test('it tries again by itself, with what waits or with a Manifest', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: temporaryFolder(t) });
  lane.manifest();
  await lane.lane.flush(1000);
  bus.state = 'away';
  await assert.rejects(lane.link.publish([]), /away/);
  bus.state = 'up';
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(kinds(bus), ['manifest', 'manifest']);
  assert.ok(lane.link.isUp && !lane.lane.isBehind);
});

test('a queue that is full while a send hangs goes to the spool, and the order stays', async (t) => {
  for (const outcome of ['up', 'away'] as const) {
    const bus = new GatedBus();
    const lane = await LaneFixture.start(t, { bus, folder: temporaryFolder(t) });
    lane.manifest();
    await lane.lane.flush(1000);
    bus.state = 'hangs';
    for (let i = 0; i < 60; i++) {
      lane.records(1, KIB);
      assert.ok(lane.lane.memoryBytes <= 34 * KIB);
      assertAddsUp(lane);
    }
    assert.ok(lane.spool!.waiting.weight >= 33);
    bus.release(outcome);
    bus.state = 'up';
    await lane.lane.flush(1000);
    await lane.lane.flush(1000);
    const { taken, missing } = inSequence(bus.frames);
    assert.deepEqual(numbersIn(taken), upTo(60), outcome);
    assert.equal(missing, 0n);
    assert.equal(lane.account.out, 60);
    assertAddsUp(lane);
  }
});

test('what has to wait rejects at once; what is on its way resolves or rejects with it', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: temporaryFolder(t) });
  bus.state = 'hangs';
  const first = lane.lane.acknowledged(lane.manifest());
  bus.release('up');
  await first;
  bus.state = 'hangs';
  const second = lane.lane.acknowledged(lane.lookup());
  bus.release('away');
  await assert.rejects(second, /the bus is away/);
  await assert.rejects(lane.lane.acknowledged(lane.lookup()), /the bus is away/);
  bus.state = 'up';
  const seq = lane.lookup();
  await lane.lane.flush(1000);
  await lane.lane.acknowledged(seq);
});

test('each segment of the spool begins with a Manifest, and asks for the facts again', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: temporaryFolder(t) });
  lane.manifest();
  await lane.lane.flush(1000);
  bus.state = 'away';
  for (let i = 0; i < 30; i++) lane.records(1, 10 * KIB);
  await lane.lane.flush(1000);
  assert.equal(lane.factsGone.filter((why) => why === 'segment').length, 4, 'seven frames of 10 KiB fill a segment');
  bus.state = 'up';
  await lane.lane.flush(1000);
  assert.deepEqual(
    kinds(bus)
      .map((kind) => kind![0])
      .join(''),
    'm' + 'rrrrrrrm'.repeat(4) + 'rr',
  );
  assert.equal(inSequence(bus.frames).missing, 0n);
});

test('a spool that is full loses the oldest: the gap is what is counted, and what is left begins with a Manifest', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: temporaryFolder(t), maxBytes: 256 * KIB });
  lane.manifest();
  await lane.lane.flush(1000);
  bus.state = 'away';
  for (let i = 0; i < 100; i++) {
    lane.records(1, 10 * KIB);
    assertAddsUp(lane);
  }
  await lane.lane.flush(1000);
  assert.ok(lane.factsGone.includes('lost'));
  bus.state = 'up';
  await lane.lane.flush(1000);
  const { taken, missing } = inSequence(bus.frames);
  assert.equal(kinds(bus)[1], 'manifest');
  const numbers = numbersIn(taken);
  assert.deepEqual(numbers, upTo(100).slice(-numbers.length), 'the newest');
  assert.equal(missing, BigInt(lane.lostFrames));
  assert.equal(lane.account.lost.get('spool_full'), 100 - numbers.length);
  assert.equal(lane.account.waiting, 0);
  assertAddsUp(lane);
});

test('without a spool memory is bounded: the oldest records go, Manifest and Lookups stay', async (t) => {
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus });
  bus.state = 'away';
  lane.manifest();
  lane.lookup();
  for (let i = 0; i < 50; i++) {
    lane.records(1, 500 * KIB);
    assert.ok(lane.lane.memoryBytes <= 17 * KIB * KIB);
    assertAddsUp(lane);
  }
  await lane.lane.flush(1000);
  bus.state = 'up';
  await lane.lane.flush(1000);
  const { taken, missing } = inSequence(bus.frames);
  assert.deepEqual(kinds(bus).slice(0, 3), ['manifest', 'lookup', 'records']);
  const numbers = numbersIn(taken);
  assert.deepEqual(numbers, upTo(50).slice(-numbers.length));
  assert.equal(lane.account.lost.get('backlog'), 50 - numbers.length);
  assert.equal(missing, BigInt(lane.lostFrames));
  assert.deepEqual(lane.factsGone, []);
});

test('a frame that the bus refuses for good is found among others, counted, and left out', async (t) => {
  for (const folder of [undefined, temporaryFolder(t)]) {
    const bus = new GatedBus();
    const lane = await LaneFixture.start(t, { bus, ...(folder !== undefined && { folder }) });
    if (folder !== undefined) {
      bus.state = 'away';
      lane.manifest();
      await lane.lane.flush(1000);
    } else bus.state = 'hangs';
    bus.refuses = (frame) =>
      numbersIn([frame]).includes(4) ? new SondeError('RECORD_TOO_LARGE', 'too large') : undefined;
    for (let i = 0; i < 8; i++) lane.records();
    bus.release('up');
    await lane.lane.flush(1000);
    assert.deepEqual(
      numbersIn(bus.frames),
      upTo(8).filter((number) => number !== 4),
    );
    assert.equal(lane.account.lost.get('publish'), 1);
    assert.equal(inSequence(bus.frames).missing, 1n);
    assert.ok(lane.link.isUp);
    assertAddsUp(lane);
  }
});

test('what an earlier run left goes first, as it is; a later one is behind it', async (t) => {
  const folder = temporaryFolder(t);
  const bus = new GatedBus();
  bus.state = 'away';
  const first = await LaneFixture.start(t, { bus, folder });
  first.manifest();
  for (let i = 0; i < 5; i++) first.records(2);
  await first.close();
  assert.equal(first.account.waiting, 10);
  assertAddsUp(first);

  const second = await LaneFixture.start(t, { bus, folder });
  assert.equal(second.spool!.recovered.in, 10);
  second.manifest();
  second.records(3);
  assert.equal(second.lane.memoryBytes, 0, 'behind in the spool');
  bus.state = 'up';
  await drained(second);
  assert.deepEqual(numbersIn(bus.frames), [...upTo(10), ...upTo(3)]);
  const sessions = bus.frames.map(({ session }) => Buffer.from(session).toString('hex'));
  assert.equal(new Set(sessions).size, 2);
  assert.deepEqual(sessions, [
    ...sessions.filter((s) => s === sessions[0]),
    ...sessions.filter((s) => s !== sessions[0]),
  ]);
  assert.equal(inSequence(bus.frames).missing, 0n);
  const { recovered } = second.spool!;
  assert.deepEqual([recovered.in, recovered.out, recovered.waiting], [10, 10, 0]);
  assert.equal(second.account.out, 3);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.log')),
    [],
  );
});

test('what an earlier run left and the bound takes is counted there', async (t) => {
  const folder = temporaryFolder(t);
  const bus = new GatedBus();
  bus.state = 'away';
  const first = await LaneFixture.start(t, { bus, folder, maxBytes: 256 * KIB });
  first.manifest();
  for (let i = 0; i < 15; i++) first.records(1, 10 * KIB);
  await first.close();
  const second = await LaneFixture.start(t, { bus, folder, maxBytes: 256 * KIB });
  second.manifest();
  for (let i = 0; i < 15; i++) second.records(1, 10 * KIB);
  await second.lane.flush(1000);
  bus.state = 'up';
  await second.lane.flush(1000);
  const { recovered } = second.spool!;
  const lost = recovered.lost.get('spool_full')!;
  assert.ok(lost > 0);
  assert.deepEqual([recovered.in, recovered.out + lost, recovered.waiting], [15, 15, 0]);
  assert.equal(second.lostFrames, 0, 'those of this session are all there');
  assert.equal(second.account.out, 15);
});

test('closed with the bus away, everything is in the spool, what was under way included', async (t) => {
  const folder = temporaryFolder(t);
  const bus = new GatedBus();
  const first = await LaneFixture.start(t, { bus, folder });
  first.manifest();
  await first.lane.flush(1000);
  bus.state = 'hangs';
  for (let i = 0; i < 5; i++) first.records();
  await first.lane.flush(10);
  await first.close();
  bus.release('away');
  const second = await LaneFixture.start(t, { bus, folder });
  second.manifest();
  bus.state = 'up';
  await drained(second);
  assert.deepEqual(numbersIn(inSequence(bus.frames).taken), upTo(5));
});

test('whatever the bus does, records come in order and once, or are counted as lost', () =>
  forSeeds(25, (random, scope, seed) =>
    showLane(random, scope, { folder: temporaryFolder(scope), mayHang: seed % 2 === 0 }),
  ));
