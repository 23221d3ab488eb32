import assert from 'node:assert/strict';
import test from 'node:test';
import { BUILT_IN_METRICS } from '../../../wire/config/metric-rules.js';
import { FrameSource, TestAggregator } from '../../harness/frames.js';
import { showMutatedFrames } from '../../harness/mutated-frames.js';

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

test('frames with random faults are counted by reason and stop nothing', () => showMutatedFrames(20_000, 20261123));

/** Without what is said of the frames themselves. */
function series(text: string): string {
  return text.replaceAll(/^.*sonde_(frames_applied|partition_offset|host_last_frame).*$/gm, '');
}
