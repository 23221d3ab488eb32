import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { command, fixtureYaml, obeyThisProcess, programsOf } from '../harness/bpf-fixture.js';
import { AggregatorProcess } from '../harness/fleet/processes.js';
import { eventBytes, writeRecords } from '../harness/record-command.js';
import { configFolder, runSonde, startSonde, type Sonde } from '../harness/sonde.js';
import { testFolder } from '../services/folders.js';
import { startKafka } from '../services/kafka.js';
import { assertForPeople, assertRefused } from './assert-refused.js';

const NOBODY = ['--kafka.brokers', '127.0.0.1:1'];

test('bad input is refused with what to write', async (t) => {
  const folder = testFolder(t, 'spool');
  const [help, none, small] = await Promise.all([
    runSonde(['collect', '--help']),
    runSonde(['collect']),
    runSonde(['collect', ...NOBODY, '--spool.max-bytes', '1MiB', '--host.label', 'le=x', '--keyframe-interval=5']),
  ]);
  assert.equal(help.status, 0);
  for (const flag of ['kafka.brokers', 'spool.dir', 'host.label', 'config.dir', 'keyframe-interval'])
    assert.match(help.stdout, new RegExp(`--${flag.replaceAll('.', '\\.')} `), flag);
  assert.match(help.stdout, /:9436/);
  assert.doesNotMatch(help.stdout, /--redis/);
  assertRefused(none, /^sonde: --kafka\.brokers is missing/m);
  assertRefused(
    small,
    /--spool\.max-bytes: "1MiB" is no size from 16MiB to 1TiB; write bytes/,
    /--host\.label\.le: is a label that has a meaning of its own/,
    /--keyframe-interval: "5" is no duration from 1s to 1h; write one such as/,
  );
  const one = await start(t, [...NOBODY, '--spool.dir', folder]);
  const two = await runSonde(['collect', ...NOBODY, '--spool.dir', folder, '--config.names', 'timers']);
  assert.equal(two.status, 1);
  assert.match(two.stderr, /^sonde: spool: .*/m);
  assertForPeople(two.stderr);
  assert.equal(await one.stop(), 0, one.stderr());
});

test('--config.check says what is attached, asks no broker and leaves no spool', async (t) => {
  const spool = join(testFolder(t, 'spool'), 'spool');
  const args = ['collect', ...NOBODY, '--config.check', '--config.names', 'timers', '--spool.dir', spool];
  const { status, stdout, stderr } = await runSonde(args);
  assert.deepEqual([status, stdout, stderr], [0, 'attached  timers; nothing was refused\n', '']);
  assert.equal(existsSync(spool), false);
});

test('what is counted on one side is served on the other, from before Kafka is there until the last moment', async (t) => {
  const kafka = await startKafka(t);
  const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
  assert.equal((await runSonde(['topics', 'create', ...brokers, '--partitions', '3'])).status, 0);
  await kafka.kill();
  const folder = configFolder(t, {
    commands: { yaml: fixtureYaml('commands'), object: 'commands' },
    records: { yaml: fixtureYaml('records'), object: 'records' },
  });
  const identity = ['--host.id', 'db-1', '--host.name', 'db-1.example', '--host.label', 'rack=r7'];
  const collector = await start(t, [
    ...[...brokers, ...identity, '--config.dir', folder, '--poll-interval', '1'],
    ...['--spool.dir', testFolder(t, 'spool')],
  ]);
  for (const id of programsOf(collector.pid)) obeyThisProcess(id);
  command('hash', 7, 5);
  writeRecords('ring', eventBytes({ key: 3 }), 500);
  assert.match(
    await (await fetch(`${collector.url}/readyz`)).text(),
    /^ready\nprobes: 2 of 2 programs attached\nkafka: .*ECONNREFUSED/,
  );
  assert.match(collector.stderr(), /WARN: kafka .*ECONNREFUSED.*; records wait in /);

  await kafka.restart();
  const aggregator = await AggregatorProcess.serving(t, [...brokers, '--log.no-timestamps']);
  assert.match(
    await untilServed(aggregator, 'ebpf_exporter_test_rows_total', '7', 5),
    /\binstance="db-1\.example"[^}]*\brack="r7"|\brack="r7"[^}]*\binstance="db-1\.example"/,
  );
  await untilServed(aggregator, 'ebpf_exporter_test_ring_records_total', '3', 500);
  const own = await (await fetch(`${collector.url}/metrics`)).text();
  assert.match(own, /^sonde_bus_up 1$/m);
  assert.doesNotMatch(own, /^ebpf_exporter_test_/m, 'it serves only what is its own');
  const list = await (await fetch(collector.url)).text();
  assert.match(list, /^Sonde \S+\n\/metrics\n\/healthz\n\/readyz\n$/, 'what there is');

  command('hash', 7, 3);
  writeRecords('ring', eventBytes({ key: 3 }), 23);
  assert.equal(await collector.stop(), 0, collector.stderr());
  await untilServed(aggregator, 'ebpf_exporter_test_rows_total', '7', 8);
  await untilServed(aggregator, 'ebpf_exporter_test_ring_records_total', '3', 523);
  const ledger = await runSonde(['ledger', '--url', `${aggregator.url}/metrics`]);
  assert.equal(ledger.status, 0, ledger.stdout);
  for (const hop of ['kernel', 'collector', 'bus', 'decode'])
    assert.match(ledger.stdout, new RegExp(`^db-1\\.example +${hop} +523 +523 +0 +– +yes$`, 'm'));
  assert.equal(await aggregator.stop(), 0, aggregator.output);
  assertForPeople(collector.stderr() + aggregator.output);
});

function start(t: TestContext, args: readonly string[]): Promise<Sonde> {
  const names = args.includes('--config.dir') ? [] : ['--config.names', 'timers'];
  return startSonde(t, [...names, '--log.no-timestamps', ...args], 'collect');
}

/** The line of a row's counter, once it has that value. */
async function untilServed(aggregator: AggregatorProcess, name: string, key: string, value: number): Promise<string> {
  let text = '';
  for (let tries = 0; tries < 300; tries++) {
    text = await (await fetch(`${aggregator.url}/metrics`)).text();
    const line = new RegExp(`^${name}\\{[^}]*key="${key}"[^}]*\\} ${value}$`, 'm').exec(text);
    if (line !== null) return line[0];
    await sleep(100);
  }
  throw new Error(`${name} of ${key} never had ${value}:\n${aggregator.output}\n${text.slice(0, 4000)}`);
}
