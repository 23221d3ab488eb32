import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fixtureYaml } from '../harness/bpf-fixture.js';
import { configFolder, runSonde } from '../harness/sonde.js';
import { assertForPeople, assertRefused } from './assert-refused.js';

function settingsFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-settings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'sonde.yaml');
  writeFileSync(file, text);
  return file;
}

test('sonde settings says what is in force and where it was given, without secrets', async (t) => {
  const file = settingsFile(t, 'kafka:\n  brokers: [a:1, b:2]\n  group: ours\nredis.url: redis://me:hunter2@h\n');
  const { status, stdout, stderr } = await runSonde(
    ['settings', 'aggregate', '--settings', file, '--kafka.group=flagged'],
    {
      env: { SONDE_STATE_INTERVAL: '2s', SONDE_REDIS_PASSWORD: 'hunter3' },
    },
  );
  assert.deepEqual([status, stderr], [0, '']);
  const rows = new Map(stdout.split('\n').map((line) => [line.split(' ', 1)[0], line.split(/ {2,}/).slice(1)]));
  assert.deepEqual(rows.get('kafka.brokers'), ['a:1,b:2', `${file}:2`]);
  assert.deepEqual(rows.get('kafka.group'), ['flagged', '--kafka.group']);
  assert.deepEqual(rows.get('state.interval'), ['2s', 'SONDE_STATE_INTERVAL']);
  assert.deepEqual(rows.get('redis.prefix'), ['sonde', 'default']);
  assert.deepEqual(rows.get('redis.password'), ['•••', 'SONDE_REDIS_PASSWORD']);
  assert.deepEqual(rows.get('redis.tls.ca-file'), ['–']);
  assert.doesNotMatch(stdout, /hunter/);
  assert.equal(rows.has('spool.dir'), false);
});

test('without a command it lists every setting; what is wrong is listed instead', async (t) => {
  const all = await runSonde(['settings']);
  assert.equal(all.status, 0);
  for (const name of ['config.dir', 'kafka.brokers', 'redis.url'])
    assert.match(all.stdout, new RegExp(`^${name} `, 'm'));
  const file = settingsFile(t, 'kafka:\n  brokrs: a:1\npoll-interval: never\n');
  assertRefused(
    await runSonde(['settings', '--settings', file], { env: { SONDE_KAFKA_TLS: 'perhaps' } }),
    /sonde\.yaml:2:3: kafka\.brokrs: is no setting; did you mean kafka\.brokers\?/,
    /sonde\.yaml:3:1: poll-interval: "never" is no such time; write seconds, from 0\.1 to 3600/,
    /SONDE_KAFKA_TLS: "perhaps" is no bool/,
  );
  assertRefused(
    await runSonde(['settings', 'run', '--redis.url', 'redis://h']),
    /--redis\.url is no flag of sonde run/,
  );
  assertRefused(await runSonde(['settings', 'runn']), /runn/);
});

test('sonde run takes its settings from a file and the environment, and names a variable that is none', async (t) => {
  const folder = configFolder(t, { commands: { yaml: fixtureYaml('commands'), object: 'commands' } });
  const file = settingsFile(t, `config: {dir: ${folder}, check: true}\nkafka.brokers: for-others:1\n`);
  const { status, stdout, stderr } = await runSonde(['run'], {
    env: { SONDE_SETTINGS: file, SONDE_CONFIG_NAMES: 'commands', SONDE_LOG_NO_TIMESTAMPS: 'true', SONDE_DEBGU: '1' },
  });
  assert.deepEqual([status, stdout], [0, 'attached  commands; nothing was refused\n'], stderr);
  assert.equal(stderr, 'WARN: the variable SONDE_DEBGU is no setting and has no effect; did you mean SONDE_DEBUG?\n');
  assertForPeople(stderr);
});
