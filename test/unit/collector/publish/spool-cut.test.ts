import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HEADER_BYTES } from '../../../../lib/disk-log/entry.js';
import { randomInteger } from '../../../../lib/random.js';
import type { Frame } from '../../../../wire/frame.js';
import { temporaryFolder } from '../../../harness/disk-log.js';
import { GatedBus, inSequence } from '../../../harness/gated-bus.js';
import { drained, LaneFixture, numbersIn } from '../../../harness/lane-fixture.js';
import { forSeeds, type Scope } from '../../../harness/seed.js';

const SEGMENT_BYTES = 250;

/** A frame in the spool, and where its entry ends. */
interface Spooled {
  readonly frame: Frame;
  readonly end: number;
}

test('a spool that is cut at any byte gives the next collector all that is whole, in order, and counts what it knows is lost', () =>
  forSeeds(1, async (random, scope) => {
    const folder = temporaryFolder(scope);
    const bus = new GatedBus();
    bus.state = 'away';
    const first = await LaneFixture.start(scope, { bus, folder, segmentBytes: SEGMENT_BYTES });
    first.manifest();
    for (let i = 0; i < 6; i++) {
      if (random() < 0.2) first.lookup(randomInteger(random, 40));
      else first.records(1 + randomInteger(random, 3), randomInteger(random, 60));
      await first.lane.flush(1);
    }
    await first.close();
    const segments = await contents(scope, folder);
    assert.ok(segments.size > 1);
    for (const name of segments.keys()) {
      for (let cut = statSync(join(folder, name)).size - 1; cut >= 0; cut--)
        await showCut(scope, { folder, segments, name, cut });
    }
  }));

interface Cut {
  readonly folder: string;
  readonly segments: ReadonlyMap<string, readonly Spooled[]>;
  readonly name: string;
  readonly cut: number;
}

async function showCut(scope: Scope, { folder, segments, name, cut }: Cut): Promise<void> {
  const copy = copyOf(scope, folder);
  truncateSync(join(copy, name), cut);
  const bus = new GatedBus();
  const lane = await LaneFixture.start(scope, { bus, folder: copy });
  lane.manifest();
  lane.records(2);
  await drained(lane);
  const { recovered } = lane.spool!;
  await lane.close();

  const where = `cut at ${cut} of ${name}`;
  const whole = [...segments].flatMap(([segment, all]) => all.filter(({ end }) => segment !== name || end <= cut));
  const [own, others] = bySession(bus.frames, lane.encoder.session);
  assert.deepEqual(
    others.map(({ recordsSeq }) => recordsSeq),
    whole.map(({ frame }) => frame.recordsSeq),
    where,
  );
  assert.deepEqual(bus.frames, [...others, ...own], `${where}: what was there goes first`);
  assert.deepEqual(numbersIn(own), [0, 1], where);
  // What follows a gap must be decodable by itself.
  others.forEach(({ recordsSeq, body }, i) => {
    const isNext = recordsSeq === (others[i - 1]?.recordsSeq ?? 0n) + 1n;
    assert.ok(isNext || body.case === 'manifest', `${where}: ${body.case} after a gap`);
  });

  const torn = segments.get(name)!.find(({ end }) => end > cut)!;
  const before = segments.get(name)!.findLast(({ end }) => end <= cut)?.end ?? 0;
  const lost = cut - before >= HEADER_BYTES ? numbersIn([torn.frame]).length : 0;
  assert.equal(recovered.lost.get('spool_damaged') ?? 0, lost, where);
  const sent = numbersIn(others).length;
  assert.deepEqual([recovered.in, recovered.out, recovered.waiting], [sent + lost, sent, 0], where);
  assert.equal(inSequence(own).missing, 0n);
  rmSync(copy, { recursive: true });
}

/** What each segment holds, as it comes out whole. */
async function contents(scope: Scope, folder: string): Promise<Map<string, Spooled[]>> {
  const copy = copyOf(scope, folder);
  const bus = new GatedBus();
  const lane = await LaneFixture.start(scope, { bus, folder: copy });
  await drained(lane);
  await lane.close();
  const segments = new Map<string, Spooled[]>();
  let next = 0;
  for (const name of segmentsOf(folder)) {
    const inside: Spooled[] = [];
    const size = statSync(join(folder, name)).size;
    for (let end = 0; end < size;) {
      end += HEADER_BYTES + bus.records[next]!.value.length;
      inside.push({ frame: bus.frames[next++]!, end });
    }
    segments.set(name, inside);
  }
  assert.equal(next, bus.frames.length);
  return segments;
}

function bySession(frames: readonly Frame[], session: Uint8Array): [Frame[], Frame[]] {
  const isOwn = (frame: Frame): boolean => Buffer.compare(frame.session, session) === 0;
  return [frames.filter(isOwn), frames.filter((frame) => !isOwn(frame))];
}

function segmentsOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort();
}

function copyOf(scope: Scope, folder: string): string {
  const copy = temporaryFolder(scope);
  for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
  return copy;
}
