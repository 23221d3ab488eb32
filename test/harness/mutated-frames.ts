import assert from 'node:assert/strict';
import { FrameSource, TestAggregator } from './frames.js';
import { readOpenMetrics } from './openmetrics.js';
import { randomInteger, seededRandom } from '../../lib/random.js';

const REASONS = /^frame_(malformed|version|unknown_map|no_manifest|late|limit)$/;

/**
 * Sends frames with random faults to an aggregator: each is applied or counted by reason, memory stays bounded, and a collector of good
 * faith is served as ever afterwards.
 */
export async function showMutatedFrames(count: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const host = await TestAggregator.start();
  let sent = 1;
  let source = new FrameSource(1);
  // The first to name a metric says what it is, also in bad faith.
  await host.send(source.manifest());
  const memory = (): number => process.memoryUsage().rss;
  let early = 0;
  for (let i = 0; i < count / 10; i++) {
    // A fresh session now and then: a fault in a sequence number would make all that follows look late.
    if (i % 20 === 0) source = new FrameSource(2 + ((i / 20) % 250));
    const frames = [
      source.manifest(),
      source.lookup(BigInt(i), `f${i % 100}`),
      source.rows([
        [i % 500, 1 + (i >> 9), i % 300, BigInt(i)],
        [501, 1, 9999, BigInt(i)],
      ]),
      source.rows([[i % 500, 1 + (i >> 9), BigInt(i), BigInt(i)]]),
      source.health(),
    ];
    for (const frame of [...frames, ...frames]) {
      await host.send(mutate(frame, random));
      sent++;
    }
    if (i === 200) early = memory();
  }
  const accepted = (await host.metrics.frames.get()).values.reduce((all, { value }) => all + value, 0);
  const lost = await host.lost();
  const left = Object.values(lost).reduce((all, value) => all + value, 0);
  assert.equal(accepted + left, sent, 'each frame is applied or counted');
  assert.ok(left > sent / 10 && accepted > sent / 10, `${accepted} applied, ${left} left out`);
  for (const reason of Object.keys(lost)) assert.match(reason, REASONS);
  assert.ok(lost['frame_malformed']! > 0 && lost['frame_no_manifest']! > 0);
  assert.ok(memory() - early < 150 << 20, `grew by ${(memory() - early) >> 20} MiB`);

  const fresh = new FrameSource(255);
  await host.send(fresh.manifest(), fresh.rows([[0, 1, 123_456, 42n]]));
  const text = await host.text();
  assert.match(text, /^rows_total\{key="123456"\} 42$/m);
  readOpenMetrics(text);
}

/** Changes, cuts or repeats a few bytes. */
export function mutate(frame: Uint8Array, random: () => number): Uint8Array {
  let bytes = Buffer.from(frame);
  for (let faults = randomInteger(random, 2); faults >= 0; faults--) {
    const at = randomInteger(random, bytes.length);
    switch (randomInteger(random, 5)) {
      case 0:
        bytes[at]! ^= 1 << randomInteger(random, 8);
        break;
      case 1:
        bytes[at] = randomInteger(random, 256);
        break;
      case 2:
        bytes = bytes.subarray(0, Math.max(1, at));
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(randomInteger(random, at + 1))]);
        break;
      case 4:
        bytes.fill(random() < 0.5 ? 0xff : 0, at, Math.min(bytes.length, at + randomInteger(random, 9)));
    }
  }
  return bytes;
}
