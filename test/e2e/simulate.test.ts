import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RecordingReader } from '../../wire/recording/recording-reader.js';
import { ReferenceTruth, type Sample } from '../harness/reference-truth.js';
import { SONDE } from '../harness/executable.js';
import { samplesByName } from '../harness/samples.js';
import { runSonde } from '../harness/sonde.js';
import { assertRefused } from './assert-refused.js';

const FEW = ['simulate', '--hosts', '4', '--series', '60', '--rate', '400', '--poll-interval', '1'];
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sonde-simulate-'));
});
after(() => rm(folder, { recursive: true }));

async function truthOf(path: string): Promise<Map<string, string>> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return samplesByName(lines.map((line) => JSON.parse(line) as Sample));
}

async function referenceOf(path: string): Promise<Map<string, string>> {
  const reference = new ReferenceTruth();
  const reader = new RecordingReader(path);
  for await (const { record } of reader.records()) reference.take(record.value);
  assert.equal(reader.damage, undefined);
  return samplesByName(reference.samples('ebpf_exporter_'));
}

test('steps of made-up time make the same file and the same truth each time', async () => {
  const [one, two, truth] = [join(folder, 'one'), join(folder, 'two'), join(folder, 'truth')];
  const args = [...FEW, '--steps', '7', '--churn', '0.2', '--seed', '9', '--architectures', 'x86_64,s390x'];
  const first = await runSonde([...args, '--out', one, '--truth', truth]);
  assert.equal(first.status, 0, first.stderr);
  assert.match(
    first.stdout,
    /^frames (\d+) {2}acknowledged \1 {2}rows \d+ {2}records \d+ {2}bytes \d+ {2}failures 0 {2}lost 0\n$/,
  );
  assert.equal((await runSonde([...args, '--out', two])).stdout, first.stdout);
  assert.ok((await readFile(one)).equals(await readFile(two)));
  assert.deepEqual([...(await truthOf(truth))].sort(), [...(await referenceOf(one))].sort());
});

test('ended by SIGTERM it still brings everything to the bus, and tells the truth', async () => {
  const [out, truth] = [join(folder, 'ended'), join(folder, 'ended-truth')];
  const child = spawn(process.execPath, [SONDE, ...FEW, '--out', out, '--truth', truth], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  await sleep(2500);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.match(stdout, /records [1-9]/);
  assert.deepEqual([...(await truthOf(truth))].sort(), [...(await referenceOf(out))].sort());
});

const WRONG: readonly [readonly string[], RegExp][] = [
  [['simulate'], /--kafka\.brokers HOST:PORT, or --out FILE/],
  [['simulate', '--hosts', '0'], /--hosts[^]*whole number from 1/],
  [['simulate', '--rate', '-1'], /--rate[^]*whole number from 0/],
  [['simulate', '--duration', 'soon'], /--duration[^]*such as 500ms/],
  [['simulate', '--steps', '3', '--duration', '3s'], /--steps[^]*--duration/],
  [['simulate', '--churn', '2'], /--churn[^]*from 0 to 1/],
  [['simulate', '--architectures', 'vax'], /there are x86_64, aarch64, s390x/],
  [['simulate', '--out', '/'], /is a folder|is there already/],
];
for (const [args, says] of WRONG)
  test(`sonde ${args.join(' ')}`, async () => assertRefused(await runSonde(args), says));
