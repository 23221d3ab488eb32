import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Sample } from '../harness/reference-truth.js';
import { samplesByName } from '../harness/samples.js';
import { runSonde } from '../harness/sonde.js';
import { assertRefused } from './assert-refused.js';

let folder: string;
let recording: string;
let truth: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sonde-replay-'));
  recording = join(folder, 'recording');
  truth = join(folder, 'truth');
  const few = ['--hosts', '5', '--series', '120', '--rate', '300', '--steps', '12', '--churn', '0.1'];
  const made = await runSonde(['simulate', ...few, '--out', recording, '--truth', truth]);
  assert.equal(made.status, 0, made.stderr);
});
after(() => rm(folder, { recursive: true }));

test("Prometheus' own tool makes blocks of a replay, with every sample", async () => {
  const openMetrics = join(folder, 'openmetrics');
  const { status, stderr } = await runSonde(['replay', recording, '--output', openMetrics]);
  assert.equal(status, 0, stderr);
  const text = await readFile(openMetrics, 'utf8');
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  const tool = promisify(execFile);
  const { stdout } = await tool('promtool', [
    'tsdb',
    'create-blocks-from',
    'openmetrics',
    openMetrics,
    join(folder, 'blocks'),
  ]);
  // ULID, first and last time, duration, samples, chunks, series, size; from 10 s to 120 s after the hosts' time began.
  const blocks = [...stdout.matchAll(/^\w{26}\s+(\d+)\s+(\d+)\s+\S+\s+(\d+)/gm)].map(([, ...numbers]) =>
    numbers.map(Number),
  );
  assert.equal(blocks[0]![0], 1_800_000_010_000, stdout);
  assert.equal(blocks.at(-1)![1], 1_800_000_120_001, stdout);
  assert.equal(
    blocks.reduce((sum, [, , count]) => sum + count!, 0),
    samples,
  );
  assert.equal((await runSonde(['replay', recording])).stdout, text, 'the same bytes again, and on standard output');
});

test('the last JSON lines are the truth', async () => {
  const { stdout } = await runSonde(['replay', recording, '--format', 'jsonl']);
  const newest = new Map<string, Sample>();
  for (const line of stdout.trimEnd().split('\n')) {
    const sample = JSON.parse(line) as Sample;
    newest.set(JSON.stringify([sample.metric, sample.labels]), sample);
  }
  const expected = (await readFile(truth, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample);
  assert.deepEqual([...samplesByName(newest.values())].sort(), [...samplesByName(expected)].sort());
});

test('another config is asked of what was recorded', async () => {
  await writeFile(
    join(folder, 'sim-calls.yaml'),
    `metrics:
  counters:
    - {name: calls_total, help: By code, map: sim_calls_total, labels: [{name: code, member: code, decoders: [{name: uint}]}]}
`,
  );
  const { status, stdout, stderr } = await runSonde([
    'replay',
    recording,
    '--config.dir',
    folder,
    '--config.names',
    'sim-calls',
  ]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^ebpf_exporter_calls_total\{instance="sim-000\d",rack="r\d",code="0"\} \d+ 1800000010$/m);
  assert.doesNotMatch(stdout, /sim_calls_total/);
  assert.doesNotMatch(stderr, /WARN|ERROR/);
});

test('a recording that was cut off is replayed up to there, and says so', async () => {
  const cut = join(folder, 'cut');
  const bytes = await readFile(recording);
  await writeFile(cut, bytes);
  await truncate(cut, bytes.length - 100);
  const { status, stdout, stderr } = await runSonde(['replay', cut]);
  assert.equal(status, 1);
  assert.match(stderr, /cut is damaged after \d+ frames, at byte \d+[^]*what is before it is replayed/);
  assert.match(stdout, /# EOF\n$/);
  assert.ok(stdout.length > 10_000);
});

test("this machine's own frames are recorded, and replayed", async () => {
  const own = join(folder, 'own');
  const args = ['record', own, '--config.names', 'timers', '--poll-interval', '0.5', '--duration', '2500ms'];
  const { status, stdout, stderr } = await runSonde([...args, '--host.name', 'me']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^frames [1-9]\d* {2}bytes \d+ {2}file .*own\n$/);
  const { stdout: text } = await runSonde(['replay', own, '--step', '500ms']);
  assert.match(text, /^ebpf_exporter_timer_start\w*\{instance="me",[^}]*\} [1-9]\d* \d+\.\d{3}$/m);
  assert.ok(new Set(text.match(/ \d+\.\d{3}$/gm)).size > 2, 'several times');
});

const WRONG: readonly [readonly string[], RegExp][] = [
  [['replay'], /Give a file of sonde record, or --kafka\.brokers, --from and --to/],
  [['replay', '/nowhere'], /\/nowhere is not there/],
  [['replay', '/etc/hostname'], /is no recording/],
  [['replay', '--from', 'noon'], /--from[^]*2026-11-25T10:00:00Z/],
  [['replay', '--from', '2026-11-25T10:00:00'], /--from[^]*2026-11-25T10:00:00Z/],
  [['replay', '/etc/hostname', '--config.names', 'a'], /--config\.dir/],
  [['replay', '/etc/hostname', '--format', 'csv'], /openmetrics, jsonl/],
  [['record'], /missing required argument 'file'/],
  [['record', '/etc/hostname'], /is there already[^]*--force/],
  [['record', '/tmp/x', '--from', '1'], /--from is for Kafka/],
];
for (const [args, says] of WRONG)
  test(`sonde ${args.join(' ')}`, async () => assertRefused(await runSonde(args), says));
