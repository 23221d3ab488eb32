import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { startFaultProxy } from '../harness/fault-proxy.js';
import type { Sample } from '../harness/reference-truth.js';
import { runSonde } from '../harness/sonde.js';
import { testFolder } from '../services/folders.js';
import { startInflux } from '../services/influxdb.js';
import { assertRefused } from './assert-refused.js';

test('a replay writes to InfluxDB what was counted, again to the same end, also under another config', async (t) => {
  const folder = testFolder(t, 'replay-influx');
  const [recording, truth] = [join(folder, 'recording'), join(folder, 'truth')];
  const few = ['--hosts', '3', '--series', '60', '--rate', '200', '--steps', '6', '--churn', '0.1'];
  const made = await runSonde(['simulate', ...few, '--out', recording, '--truth', truth]);
  assert.equal(made.status, 0, made.stderr);

  const influx = await startInflux(t, { version: 2 });
  const proxy = await startFaultProxy(t, influx.url);
  const token = join(folder, 'token');
  await writeFile(token, influx.token);
  const server = (url: string): string[] => [
    ...['--format', 'influx', '--influx.url', url, '--influx.org', influx.org],
    ...['--influx.bucket', influx.bucket, '--influx.token-file', token],
  ];
  const into = ['replay', recording, ...server(proxy.url)];
  let requests = 0;
  proxy.fault = () => (requests++ === 0 ? { status: 503 } : 'pass');
  const first = await runSonde([...into, '--step', '1ms']);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.stdout, '');
  assert.ok(requests > 1, 'the batch that failed was sent again');

  const expected = (await readFile(truth, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample)
    .filter(({ metric }) => metric === 'ebpf_exporter_sim_calls_total');
  const all = async (): Promise<readonly Readonly<Record<string, string>>[]> =>
    influx.query('SELECT * FROM ebpf_exporter_sim_calls_total');
  const rows = await all();
  const newest = new Map(rows.map((row) => [`${row['instance']} ${row['command']} ${row['code']}`, row['value']]));
  assert.ok(expected.length > 20);
  for (const { labels, value } of expected) {
    // As a tag holds it: one of the names has a newline and a backslash.
    const command = labels['command']!.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    assert.equal(newest.get(`${labels['instance']} ${command} ${labels['code']}`), String(value));
  }
  assert.equal(new Set(rows.map(({ time }) => time)).size, 6, 'each poll');

  assert.equal((await runSonde([...into, '--step', '1ms'])).status, 0);
  assert.deepEqual(await all(), rows, 'a repetition changes nothing');

  await writeFile(
    join(folder, 'sim-calls.yaml'),
    `metrics:
  counters:
    - {name: calls_total, help: By code, map: sim_calls_total, labels: [{name: code, member: code, decoders: [{name: uint}]}]}
`,
  );
  const other = await runSonde([...into, '--config.dir', folder, '--config.names', 'sim-calls']);
  assert.equal(other.status, 0, other.stderr);
  const byCode = await influx.query('SELECT last(value) FROM ebpf_exporter_calls_total GROUP BY code, instance');
  assert.ok(byCode.length > 0);
  const total = (values: readonly string[]): bigint => values.reduce((sum, value) => sum + BigInt(value), 0n);
  assert.equal(total(byCode.map(({ last }) => last!)), total(expected.map(({ value }) => String(value))));
});

test('a replay that InfluxDB does not take, or that lacks one, says so', async (t) => {
  const folder = testFolder(t, 'replay-no-influx');
  const recording = join(folder, 'recording');
  await runSonde(['simulate', '--hosts', '1', '--series', '10', '--steps', '2', '--out', recording]);
  assertRefused(await runSonde(['replay', recording, '--format', 'influx']), /influx\.url is missing beside --format/);
  const to = ['--format', 'influx', '--influx.url', 'http://127.0.0.1:1', '--influx.bucket', 'b'];
  assertRefused(await runSonde(['replay', recording, ...to, '--output', 'x']), /--output beside --format influx/);
  assertRefused(await runSonde(['replay', recording, ...to]), /InfluxDB takes no points: ECONNREFUSED/);
});
