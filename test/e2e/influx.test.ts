import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { LetterFolder } from '../../aggregator/output/influx/letter-folder.js';
import { command, startCommands } from '../harness/bpf-fixture.js';
import { select } from '../harness/kernel-metrics.js';
import { runSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';
import { testFolder } from '../services/folders.js';
import { startInflux } from '../services/influxdb.js';

const METRIC = 'ebpf_exporter_test_rows_total';

test('sonde run writes each poll, none of a scrape; what InfluxDB missed comes when it is back', async (t) => {
  const influx = await startInflux(t);
  const folder = testFolder(t, 'influx-run');
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'sonde:very-secret\n');
  const sonde = await startCommands(t, [
    ...['--influx.url', influx.url, '--influx.bucket', influx.bucket, '--influx.token-file', tokenFile],
    ...['--influx.queue.dir', join(folder, 'queue'), '--poll-interval', '0.5', '--host.id', 'e2e', '--debug'],
  ]);
  command('hash', 42, 23);
  command('hashHigh', 43, 2 ** 20);
  const newest = async (): Promise<Record<string, string>> => {
    const rows = await influx.query(`SELECT last(value), host_id FROM ${METRIC} GROUP BY "key"`).catch(() => []);
    return Object.fromEntries(rows.map(({ key, last }) => [key!, last!]));
  };
  await until(async () => (await newest())['43'] === String(2n ** 52n), 'the points');
  assert.equal((await newest())['42'], '23');

  // A poll that was made for a scrape has no points: far more scrapes than polls.
  const points = async (): Promise<number> =>
    Number((await influx.query(`SELECT count(value) FROM ${METRIC} WHERE "key" = '42'`))[0]?.['count']);
  const before = await points();
  const beganMs = performance.now();
  for (let i = 0; i < 20; i++) await sonde.scrape();
  const polls = Math.ceil((performance.now() - beganMs + 1500) / 500);
  assert.ok((await points()) - before <= polls, 'scrapes have no points');

  await influx.kill();
  command('hash', 42, 7);
  await until(async () => select(await sonde.scrape(), 'sonde_influx_up')[0]?.value === 0, 'it to be missed');
  await until(
    async () => Number(select(await sonde.scrape(), 'sonde_influx_points_waiting')[0]?.value) > 4,
    'points to wait',
  );
  await influx.restart();
  await until(async () => (await newest())['42'] === '30', 'the backlog to be written');
  await until(async () => {
    const text = await sonde.scrape();
    const value = (name: string): number => Number(select(text, name)[0]?.value ?? 0);
    const [all, written] = [value('sonde_influx_points_total'), value('sonde_influx_points_written_total')];
    return all === written + value('sonde_influx_points_waiting') && value('sonde_influx_up') === 1;
  }, 'in = written + waiting');
  const ledger = await runSonde(['ledger', '--url', `${sonde.url}/metrics`]);
  assert.match(ledger.stdout, /^127\.0\.0\.1:\d+ +influx +\d+ +\d+ +\d+ +– +yes$/m);
  // Every poll in between is there: no gap is longer than a few of them.
  const times = (await influx.query(`SELECT value FROM ${METRIC} WHERE "key" = '42'`)).map(({ time }) => BigInt(time!));
  const gaps = times.slice(1).map((time, i) => Number(time - times[i]!) / 1e9);
  assert.ok(Math.max(...gaps) < 3, `a gap of ${Math.max(...gaps)} s`);
  assert.ok(!(sonde.stdout() + sonde.stderr()).includes('very-secret'));
});

test('what cannot be a token or a bucket is said at the start', async (t) => {
  const folder = testFolder(t, 'influx-refused');
  const url = ['--influx.url', 'http://127.0.0.1:1', '--influx.queue.dir', folder];
  const none = await runSonde(['run', ...url]);
  assert.match(none.stderr, /influx\.bucket: is missing beside influx\.url/);
  const token = join(folder, 'token');
  writeFileSync(token, '\n');
  const empty = await runSonde(['run', ...url, '--influx.bucket', 'b', '--influx.token-file', token]);
  assert.match(empty.stderr, /influx\.token-file: .* holds no token/);
  assert.notEqual(empty.status, 0);
});

test('sonde dlq lists, shows, writes again and drops what InfluxDB has refused', async (t) => {
  const influx = await startInflux(t);
  const folder = testFolder(t, 'influx-dlq');
  const letters = new LetterFolder(join(folder, 'dead'), 2 ** 20, () => undefined);
  await letters.start();
  const [good, bad] = ['m value=5i 1700000000000000000\n', 'm value= 1700000000000000001\n'];
  await letters.add({ lines: Buffer.from(good), points: 1, reason: 'queue_full' }, 1000);
  await letters.add({ lines: Buffer.from(bad), points: 1, reason: '400 unable to parse' }, 2000);
  const [first, second] = await letters.ids();
  const dlq = (...args: string[]): ReturnType<typeof runSonde> =>
    runSonde(['dlq', ...args, '--influx.queue.dir', folder]);
  const since = '1970-01-01T00:00:01.000Z';
  const list = await dlq('list');
  assert.match(list.stdout, new RegExp(`${first} +${since} +1 +queue_full\n${second} .* 400 unable to parse`));
  const shown = await dlq('show', first!);
  assert.equal(shown.stdout, `# ${first} since ${since}, 1 points: queue_full\n${good}`);
  const server = ['--influx.url', influx.url, '--influx.bucket', influx.bucket];
  const replayed = await dlq('replay', '--all', ...server);
  assert.equal(replayed.status, 1, replayed.stderr);
  assert.match(replayed.stdout, new RegExp(`${first} +written\n${second} +refused again: 400 .*missing field value`));
  assert.equal((await influx.query('SELECT value FROM m'))[0]?.['value'], '5');
  assert.deepEqual(await letters.ids(), [second]);
  assert.match((await dlq('drop')).stderr, /name letters/);
  assert.match((await dlq('drop', 'none')).stderr, /there is no letter none/);
  assert.equal((await dlq('drop', second!)).status, 0);
  assert.deepEqual(await letters.ids(), []);
});
