import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GatedBus, inSequence } from '../../harness/gated-bus.js';
import { drained, LaneFixture, numbersIn } from '../../harness/lane-fixture.js';
import { showLane } from '../../harness/lane-property.js';
import { mountedTmpfs } from '../../harness/disk-log.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { forSeeds } from '../../harness/seed.js';
import { until } from '../../harness/until.js';

test('a spool whose disk is full', { skip: skipUnlessRoot }, async (t) => {
  const mount = mountedTmpfs(t, '300k');
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: join(mount, 'spool') });
  bus.state = 'away';
  lane.manifest();
  await lane.lane.flush(1000);
  for (let i = 0; i < 50; i++) lane.records(1, 10_000);
  const lost = lane.account.lost.get('spool_io')!;
  assert.ok(lost > 20 && lost < 50, `${lost} of 50 lost`);
  assert.equal(lane.account.in, lane.account.out + lost + lane.account.waiting);

  await t.test('gives what it took, and the gap is what is counted', async () => {
    bus.state = 'up';
    await lane.lane.flush(1000);
    const next = lane.records();
    await lane.lane.flush(1000);
    await lane.lane.acknowledged(next);
    const { taken, missing } = inSequence(bus.frames);
    assert.equal(missing, BigInt(lane.lostFrames));
    assert.equal(numbersIn(taken).length, 51 - lost);
    assert.equal(lane.account.waiting, 0);
  });

  await t.test('does not keep the bus from being tried: a lost Manifest goes before what comes next', async () => {
    writeFileSync(join(mount, 'others'), '');
    const sent = bus.frames.length;
    bus.state = 'away';
    fill(mount);
    lane.manifest();
    await lane.lane.flush(1000);
    lane.records();
    assert.ok(lane.factsGone.includes('lost'));
    assert.ok(lane.lane.isEmpty, 'nothing could be kept');
    bus.state = 'up';
    await until(() => lane.link.isUp, 'the bus to be tried');
    lane.records();
    await lane.lane.flush(1000);
    assert.deepEqual(
      bus.frames.slice(sent).map(({ body }) => body.case),
      ['manifest', 'records'],
    );
    assert.equal(inSequence(bus.frames).missing, BigInt(lane.lostFrames));
    rmSync(join(mount, 'others'));
    bus.state = 'away';
    lane.records();
    await lane.lane.flush(1000);
    assert.equal(lane.spool!.waiting.weight, 1, 'the disk has room again');
  });
});

test(
  'what came while a full disk refused frames goes before what the disk takes later',
  { skip: skipUnlessRoot },
  async (t) => {
    const mount = mountedTmpfs(t, '300k');
    const bus = new GatedBus();
    const lane = await LaneFixture.start(t, { bus, folder: join(mount, 'spool') });
    bus.state = 'hangs';
    lane.manifest();
    fill(mount);
    lane.records(1, 40_000); // more than may wait in memory
    assert.equal(lane.account.lost.get('spool_io'), 1);
    lane.records();
    rmSync(join(mount, 'others'));
    bus.release('away');
    await until(() => !lane.link.isUp, 'the send to fail');
    lane.records();
    bus.state = 'up';
    await drained(lane);
    assert.deepEqual(numbersIn(inSequence(bus.frames).taken), [1, 2]);
  },
);

test('a spool on a disk that is read-only is none: memory has to do', { skip: skipUnlessRoot }, async (t) => {
  const mount = mountedTmpfs(t, '1m');
  execFileSync('mount', ['-o', 'remount,ro', mount]);
  const bus = new GatedBus();
  const lane = await LaneFixture.start(t, { bus, folder: join(mount, 'spool') });
  assert.equal(lane.spool, undefined);
  bus.state = 'away';
  lane.manifest();
  lane.records(5);
  await lane.lane.flush(1000);
  bus.state = 'up';
  await lane.lane.flush(1000);
  assert.deepEqual(numbersIn(bus.frames), [0, 1, 2, 3, 4]);
});

test('whatever bus and disk do, records come in order and once, or are counted as lost', { skip: skipUnlessRoot }, () =>
  forSeeds(10, (random, scope, seed) => {
    const mount = mountedTmpfs(scope, '300k');
    return showLane(random, scope, {
      folder: join(mount, 'spool'),
      mayHang: seed % 2 === 0,
      disk: { fill: () => fill(mount), free: () => rmSync(join(mount, 'others'), { force: true }) },
    });
  }),
);

/** Leaves no byte on a small file system. */
function fill(mount: string): void {
  for (const name of readdirSync(mount)) assert.ok(name === 'spool' || name === 'others');
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(join(mount, 'others'), new Uint8Array(size), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}
