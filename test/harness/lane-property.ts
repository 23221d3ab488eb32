import assert from 'node:assert/strict';
import type { RecordAccount } from '../../collector/publish/record-account.js';
import { randomInteger } from '../../lib/random.js';
import type { Frame } from '../../wire/frame.js';
import { GatedBus, inSequence } from './gated-bus.js';
import { drained, LaneFixture, numbersIn } from './lane-fixture.js';
import type { Scope } from './seed.js';

const KIB = 1024;
const STEPS = 150;

export interface LaneTroubles {
  readonly folder: string;
  /** Sends may hang or take until after the next step, and nobody knows then whether they have arrived. */
  readonly mayHang: boolean;
  /** Others, who take the room of the spool's disk, or give it back. */
  readonly disk?: { fill(): void; free(): void };
}

/**
 * Random records and facts go over a lane while its bus comes and goes, its collector ends and begins again, and, if there is one, its
 * disk fills up: the records come in order and once, or are counted as lost, and the account adds up at each step.
 */
export async function showLane(
  random: () => number,
  scope: Scope,
  { folder, mayHang, disk }: LaneTroubles,
): Promise<void> {
  const bus = new GatedBus();
  let made = 0;
  let lost = 0;
  const begin = async (): Promise<LaneFixture> => {
    const next = await LaneFixture.start(scope, { bus, folder, maxBytes: 200 * KIB, segmentBytes: 50 * KIB });
    next.manifest();
    return next;
  };
  const end = async (ending: LaneFixture): Promise<void> => {
    assertAddsUp(ending, 'before its end');
    const { account, spool } = ending;
    await ending.close();
    // What waits now waits in the spool, or was in memory.
    lost += lostOf(account) + (spool === undefined ? account.waiting : lostOf(spool.recovered));
  };
  let lane = await begin();
  for (let step = 0; step < STEPS; step++) {
    const dice = random();
    if (dice < 0.75) {
      const count = 1 + randomInteger(random, 4);
      lane.records(count, randomInteger(random, 12) * KIB);
      made += count;
    } else if (dice < 0.8) lane.lookup(randomInteger(random, 3) * KIB);
    else if (dice < 0.86) bus.release('up');
    else if (dice < 0.92) bus.release('away');
    else if (dice < 0.96) bus.state = mayHang ? 'hangs' : bus.state;
    else if (dice < 0.98) await lane.lane.flush(1);
    else {
      await end(lane);
      lane = await begin();
    }
    if (disk !== undefined && random() < 0.1) disk[random() < 0.5 ? 'fill' : 'free']();
    if (!mayHang || random() < 0.3) await new Promise(setImmediate);
    assertAddsUp(lane, `step ${step}`);
  }
  disk?.free();
  await end(lane);
  bus.release('up');
  // A collector without a spool, for want of room, has left what an earlier one had put there.
  lane = await begin();
  await drained(lane);
  await end(lane);

  const arrived = numbersInOrder(bus.frames);
  const message = `of ${made} ${arrived} arrived, ${lost} counted as lost`;
  // Of a send that was under way it is not known what became of it. Where the disk had no room to note what was acknowledged, it came again.
  // What has arrived may then be lost from the spool as well.
  if (mayHang || disk !== undefined) assert.ok(arrived + lost >= made, message);
  else assert.equal(arrived + lost, made, message);
}

/** How many records have come, which must be in order and once in each session. */
function numbersInOrder(frames: readonly Frame[]): number {
  const { taken } = inSequence(frames);
  const sessionOf = ({ session }: Frame): string => Buffer.from(session).toString('hex');
  let arrived = 0;
  for (const session of new Set(taken.map(sessionOf))) {
    const numbers = numbersIn(taken.filter((frame) => sessionOf(frame) === session));
    const ordered = [...new Set(numbers)].sort((a, b) => a - b);
    assert.deepEqual(numbers, ordered, 'in order, each once');
    arrived += numbers.length;
  }
  return arrived;
}

export function lostOf({ lost }: RecordAccount): number {
  return [...lost.values()].reduce((sum, count) => sum + count, 0);
}

/** In = out + lost + waiting. */
export function assertAddsUp({ account }: LaneFixture, message = ''): void {
  assert.equal(account.in, account.out + lostOf(account) + account.waiting, message);
  assert.ok(account.waiting >= 0 && account.out >= 0, message);
}
