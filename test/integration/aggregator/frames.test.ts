import assert from 'node:assert/strict';
import test from 'node:test';
import { BUILT_IN_METRICS } from '../../../wire/config/metric-rules.js';
import { FrameSource, TestAggregator } from '../../harness/frames.js';
import { readOpenMetrics } from '../../harness/openmetrics.js';
import { randomInteger, seededRandom } from '../../harness/random.js';

test('a repeated or late frame changes nothing', async () => {
  const source = new FrameSource(1);
  const manifest = source.manifest();
  const first = source.rows([[0, 1, 7, 10n]]);
  const second = source.rows([[0, 1, 7, 25n]]);
  const host = await TestAggregator.start();
  await host.send(manifest, first, second);
  const before = await host.text();
  await host.send(first, second, manifest, first);
  assert.deepEqual(await host.rows(), { 7: '25' });
  assert.deepEqual(await host.lost(), {});
  assert.equal(series(await host.text()), series(before));
});

test('a row counts the difference, and a new generation goes on from what there was', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  await host.send(
    source.manifest(),
    source.rows([
      [0, 1, 7, 10n],
      [1, 1, 8, 1n],
    ]),
  );
  await host.send(source.rows([[0, 2, 7, 4n]]));
  assert.deepEqual(await host.rows(), { 7: '14', 8: '1' });
  // The slot goes to another key: what the old one counted stays its own.
  await host.send(
    source.rows([
      [0, 3, 9, 2n],
      [1, 1, 8, 2n],
    ]),
  );
  assert.deepEqual(await host.rows(), { 7: '14', 8: '2', 9: '2' });
  // An older generation is late, whatever it says.
  await host.send(source.rows([[0, 2, 7, 1000n]]));
  assert.deepEqual(await host.rows(), { 7: '14', 8: '2', 9: '2' });
});

test('a new session folds: the counters go on, and frames of the old one are late', async () => {
  const [old, fresh] = [new FrameSource(1), new FrameSource(2)];
  const host = await TestAggregator.start();
  await host.send(old.manifest(), old.rows([[0, 1, 7, 10n]]));
  const late = [old.rows([[0, 1, 7, 99n]]), old.lookup(1n, 'late'), old.manifest(2)];
  await host.send(fresh.manifest(), fresh.rows([[0, 1, 7, 5n]]));
  assert.deepEqual(await host.rows(), { 7: '15' });

  await host.send(...late);
  assert.deepEqual(await host.rows(), { 7: '15' });
  assert.deepEqual(await host.lost(), { frame_late: 3 });
  await host.send(fresh.rows([[0, 1, 7, 6n]]));
  assert.deepEqual(await host.rows(), { 7: '16' }, 'the new session was not disturbed');
});

test('rows of an earlier load of a config are late; a reload goes on from what there was', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  await host.send(source.manifest(1), source.rows([[0, 1, 7, 10n]], 1), source.manifest(2));
  await host.send(source.rows([[0, 1, 7, 50n]], 1), source.rows([[0, 1, 7, 3n]], 2));
  assert.deepEqual(await host.rows(), { 7: '13' });
});

test('every built-in metric has a name that no config may take', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  await host.send(source.manifest(), source.health());
  const names = [...(await host.text()).matchAll(/^([a-z_]+)(?=[ {])/gm)].map(([name]) => name);
  const builtIn = new Set(names.filter((name) => !name.startsWith('sonde_')));
  assert.ok(builtIn.size >= 6, [...builtIn].join());
  for (const name of builtIn) assert.ok(BUILT_IN_METRICS.has(name), name);
});

test('missed frames are counted, and facts that came late are used for new rows', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  await host.send(source.manifest());
  source.lookup(1n, 'lost on the way');
  await host.send(source.lookup(0xffffffff81000000n, 'do_work'), source.rows([[0, 1, 0xffffffff81000000n, 3n]]));
  const text = await host.text();
  assert.match(text, /^calls_total\{function="do_work"\} 3$/m);
  assert.match(text, /^sonde_frames_missed_total 1$/m);
});

test('a frame of another host than its record says, or of no host that is known, is left out', async () => {
  const host = await TestAggregator.start();
  const stranger = new FrameSource(1, 'stranger');
  await host.send(stranger.manifest());
  await host.send(new FrameSource(1).rows([[0, 1, 7, 1n]]));
  assert.deepEqual(await host.lost(), { frame_malformed: 1, frame_no_manifest: 1 });
  assert.deepEqual(host.aggregator.shownHosts(), []);
});

test('a row number out of all proportion to the map is refused before memory is taken for it', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  await host.send(source.manifest());
  const before = process.memoryUsage().arrayBuffers;
  await host.send(source.rows([[2 ** 24 - 1, 1, 7, 1n]]));
  assert.deepEqual(await host.lost(), { frame_limit: 1 });
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 << 20);
});

test('frames with random faults are counted by reason and stop nothing', async () => {
  const FRAMES = 20_000;
  const random = seededRandom(20261123);
  const host = await TestAggregator.start();
  let sent = 1;
  let source = new FrameSource(1);
  // The first to name a metric says what it is, also in bad faith.
  await host.send(source.manifest());
  const memory = (): number => process.memoryUsage().rss;
  let early = 0;
  for (let i = 0; i < FRAMES / 10; i++) {
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
  for (const reason of Object.keys(lost))
    assert.match(
      reason,
      /^(frame_malformed|frame_version|frame_unknown_map|frame_no_manifest|frame_late|frame_limit)$/,
    );
  assert.ok(lost['frame_malformed']! > 0 && lost['frame_no_manifest']! > 0);
  assert.ok(memory() - early < 150 << 20, `grew by ${(memory() - early) >> 20} MiB`);

  // A collector of good faith is served as ever.
  const fresh = new FrameSource(255);
  await host.send(fresh.manifest(), fresh.rows([[0, 1, 123_456, 42n]]));
  const text = await host.text();
  assert.match(text, /^rows_total\{key="123456"\} 42$/m);
  readOpenMetrics(text);
});

/** Changes, cuts or repeats a few bytes. */
function mutate(frame: Uint8Array, random: () => number): Uint8Array {
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

/** Without what counts the frames themselves. */
function series(text: string): string {
  return text.replaceAll(/^.*sonde_frames_applied.*$/gm, '');
}
