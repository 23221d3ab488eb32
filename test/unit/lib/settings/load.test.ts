import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CommandName, SettingName } from '../../../../lib/settings.js';
import { loadSettings, type Settings } from '../../../../lib/settings/load.js';
import { SettingsError } from '../../../../lib/settings/problem.js';
import { settingsTable } from '../../../../lib/settings/table.js';

interface Sources {
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: NodeJS.ProcessEnv;
}

/** A folder that goes with the test, and a writer of files into it. */
function files(t: TestContext): (name: string, text: string | Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-settings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return (name, text) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
}

function load(command: CommandName | undefined, { flags = {}, environment = {} }: Sources = {}): Promise<Settings> {
  return loadSettings(command, { flags: new Map(Object.entries(flags)), environment });
}

async function problemsOf(command: CommandName | undefined, sources: Sources): Promise<readonly string[]> {
  try {
    await load(command, sources);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    return error.problems;
  }
  return [];
}

function from(settings: Settings, name: SettingName): string | undefined {
  return settings.inForce.find((one) => one.name === name)?.from;
}

test('with nothing given, the defaults are in force, each command’s own', async () => {
  const [run, collect] = await Promise.all([load('run'), load('collect', { flags: { 'kafka.brokers': 'a:1' } })]);
  assert.equal(run.values['web.listen-address'], ':9435');
  assert.equal(collect.values['web.listen-address'], ':9436');
  assert.equal(run.values['poll-interval'], 10_000);
  assert.equal(collect.values['keyframe-interval'], 60_000);
  assert.equal(collect.values['spool.max-bytes'], 256 * 1024 * 1024);
  assert.equal(run.values['kafka.tls'], undefined);
  assert.deepEqual(run.values.limits, []);
  assert.ok(run.inForce.every(({ name }) => !name.startsWith('kafka.')));
});

test('a flag beats the environment, which beats the file, which beats the default', async (t) => {
  const settings = files(t)('sonde.yaml', 'poll-interval: 1\nhost.name: file\nkafka:\n  client-id: file\n');
  const { values, inForce } = await load(undefined, {
    flags: { settings, 'poll-interval': '3' },
    environment: { SONDE_POLL_INTERVAL: '2', SONDE_HOST_NAME: 'environment' },
  });
  assert.equal(values['poll-interval'], 3000);
  assert.equal(values['host.name'], 'environment');
  assert.equal(values['kafka.client-id'], 'file');
  assert.equal(values['kafka.group'], 'sonde');
  const places = new Map(inForce.map(({ name, from }) => [name, from]));
  assert.deepEqual(
    ['poll-interval', 'host.name', 'kafka.client-id', 'kafka.group', 'host.id'].map((name) =>
      places.get(name as SettingName),
    ),
    ['--poll-interval', 'SONDE_HOST_NAME', `${settings}:4`, 'default', ''],
  );
});

test('the file may be named by the environment; the flag wins', async (t) => {
  const write = files(t);
  const one = write('one.yaml', 'host.name: one\n');
  const two = write('two.yaml', 'host.name: two\n');
  const environment = { SONDE_SETTINGS: one };
  assert.equal((await load('run', { environment })).values['host.name'], 'one');
  assert.equal((await load('run', { environment, flags: { settings: two } })).values['host.name'], 'two');
});

const EVERY_KIND: readonly [SettingName, string, unknown][] = [
  ['debug', 'on', true],
  ['debug', '0', false],
  ['kafka.brokers', 'a:1, [::1]:9092', ['a:1', '[::1]:9092']],
  ['kafka.session-timeout', '1m30s', 90_000],
  ['poll-interval', '0.5', 500],
  ['spool.max-bytes', '2GiB', 2 * 2 ** 30],
  ['spool.max-bytes', '16777216', 16_777_216],
  ['series.max-per-metric', '7', 7],
  ['kafka.compression', 'none', 'none'],
  ['host.label', 'rack=r7,zone=a=b', { rack: 'r7', zone: 'a=b' }],
  ['redis.url', 'rediss://cache:6380/2', 'rediss://cache:6380/2'],
  ['redis.password', ' with spaces ', ' with spaces '],
  ['prometheus.instance-label', '', ''],
  ['web.listen-address', '[::1]:0', '[::1]:0'],
  ['limits', '[{"metric":"a_*","cap":5,"ttl":"1h"}]', [{ metric: 'a_*', cap: 5, ttl: 3_600_000 }]],
  ['rollups', '[{"metric":"a","by":["b"],"name":"c"}]', [{ metric: 'a', by: ['b'], name: 'c' }]],
];
for (const [name, text, value] of EVERY_KIND) {
  test(`${name} reads ${JSON.stringify(text)} alike from flag, environment and file`, async (t) => {
    const beside = name === 'redis.password' ? { 'redis.url': 'redis://h' } : {};
    const variable = `SONDE_${name.toUpperCase().replace(/[.-]/g, '_')}`;
    const settings = files(t)('sonde.yaml', `${name}: ${JSON.stringify(text)}\n`);
    for (const sources of [
      { flags: { ...beside, [name]: text } },
      { flags: beside, environment: { [variable]: text } },
      { flags: { ...beside, settings } },
    ]) {
      assert.deepEqual((await load(undefined, sources)).values[name], value);
    }
  });
}

test('in the file, lists and maps may be written as such, plain values without quotes, and a group nested or dotted', async (t) => {
  const settings = files(t)(
    'sonde.yaml',
    `kafka:
  brokers: &brokers
    - a:1
    - b:2
  tls.ca-file: ca.pem
  tls:
    cert-file: c.pem
    key-file: k.pem
  sasl: {mechanism: plain, user: 007, password: 123456}
kafka.group: on
kafka.tls: yes
host.label: {rack: 7, zone: null}
limits:
  - {metric: "a_*", cap: 1_000, ttl: 90s}
debug:
`,
  );
  const { values } = await load(undefined, { flags: { settings } });
  assert.deepEqual(values['kafka.brokers'], ['a:1', 'b:2']);
  assert.deepEqual(
    [values['kafka.tls'], values['kafka.tls.ca-file'], values['kafka.tls.key-file']],
    [true, 'ca.pem', 'k.pem'],
  );
  assert.deepEqual([values['kafka.sasl.user'], values['kafka.sasl.password']], ['007', '123456']);
  assert.equal(values['kafka.group'], 'on');
  assert.deepEqual(values['host.label'], { rack: '7', zone: '' });
  assert.deepEqual(values.limits, [{ metric: 'a_*', cap: 1000, ttl: 90_000 }]);
  assert.equal(values.debug, false);
});

test('everything wrong is listed at once, each with its place', async (t) => {
  const settings = files(t)(
    'sonde.yaml',
    `kafka:
  brokrs: [a:1]
  brokers: [a:1, b]
spool: 5
limits:
  - {metric: "a b", cap: 0, tll: 5s}
host.label:
  le: x
poll-interval: 5
poll-interval: 6
`,
  );
  const problems = await problemsOf('collect', {
    flags: { settings, 'kafka.compression': 'zip', limits: '{', 'host.label': 'a' },
    environment: { SONDE_KAFKA_TLS: 'maybe', SONDE_KAFKA_BROKERS: '' },
  });
  const text = problems.map((line) => line.replaceAll(settings, 'F')).join('\n');
  assert.equal(
    text,
    `F:2:3: kafka.brokrs: is no setting; did you mean kafka.brokers?
F:4:1: spool: is no setting but a group of them; write what is in it, such as spool.dir
F:10:1: poll-interval: is given twice, first on line 9; remove one
F:3:18: kafka.brokers[1]: "b" is no broker; write HOST:PORT, such as kafka-1:9092
F:6:6: limits[0].metric: "a b" is no metric name or pattern: write one such as ebpf_exporter_tcp_*
F:6:21: limits[0].cap: is 0; it must be at least 1
F:6:29: limits[0].tll: is not a key here; did you mean ttl?
F:8:3: host.label.le: is a label that has a meaning of its own; choose another name
SONDE_KAFKA_TLS: "maybe" is no bool; write true or false
--kafka.compression: "zip" is not known here; did you mean gzip?
--limits: is no JSON (${jsonError('{')}); write it there, or in the settings file
--host.label: "a" is no label; write NAME=VALUE`,
  );
});

function jsonError(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

test('what a command cannot start without is named with the three ways to give it', async () => {
  assert.deepEqual(await problemsOf('collect', {}), [
    '--kafka.brokers is missing: give it, or SONDE_KAFKA_BROKERS, or kafka.brokers in a --settings file',
  ]);
  assert.deepEqual(await problemsOf('run', {}), []);
  assert.deepEqual(await problemsOf(undefined, {}), []);
});

for (const [what, text, says] of [
  ['is no YAML', 'a: [\n', /sonde\.yaml:\d+:\d+: is not valid YAML/],
  ['is a list', '- a\n', /sonde\.yaml:1:1: holds no settings; write NAME: VALUE lines/],
  ['is a word', 'nonsense\n', /holds no settings/],
  ['has a list as a key', '[a]: b\n', /has a key that is no text/],
  ['is nested without end', `a: ${'['.repeat(100_000)}`, /nested too deeply/],
  ['is no UTF-8', new Uint8Array([0xff, 0xfe, 0x00]), /is not UTF-8 text; save it as UTF-8/],
  ['is too large', ' '.repeat(300_000), /is larger than 262144 bytes/],
  ['uses an alias that is not set', 'host.name: *nobody\n', /alias \*nobody/],
] as const) {
  test(`a file that ${what} is refused`, async (t) => {
    const settings = files(t)('sonde.yaml', text);
    assert.match((await problemsOf('run', { flags: { settings } })).join('\n'), says);
  });
}

test('an empty file, and one of comments, gives nothing', async (t) => {
  const write = files(t);
  for (const text of ['', '# nothing\n', 'null\n', '---\n'])
    assert.deepEqual(await problemsOf('run', { flags: { settings: write('sonde.yaml', text) } }), []);
});

test('a file that is not there is refused', async () => {
  const [problem] = await problemsOf('run', { flags: { settings: '/no/such.yaml' } });
  assert.match(problem!, /^\/no\/such\.yaml: cannot be read: ENOENT: no such file or directory; check/);
});

test('a secret comes from a file without its last newline, and is never shown', async (t) => {
  const write = files(t);
  const password = write('password', 'hunter2\n');
  const settings = await load('aggregate', {
    flags: { 'kafka.brokers': 'a:1', 'redis.password-file': password, 'redis.url': 'redis://me:hunter3@h:1/0' },
    environment: {
      SONDE_KAFKA_SASL_PASSWORD: 'hunter4',
      SONDE_KAFKA_SASL_USER: 'u',
      SONDE_KAFKA_SASL_MECHANISM: 'plain',
    },
  });
  assert.equal(settings.values['redis.password'], 'hunter2');
  assert.equal(settings.values['kafka.sasl.password'], 'hunter4');
  assert.equal(from(settings, 'redis.password'), `--redis.password-file (${password})`);
  assert.equal(from(settings, 'kafka.sasl.password'), 'SONDE_KAFKA_SASL_PASSWORD');
  const table = settingsTable(settings.inForce);
  assert.doesNotMatch(table, /hunter/);
  assert.match(table, /^redis\.password +••• +--redis\.password-file \(/m);
  assert.match(table, /^redis\.url +redis:\/\/me:•••@h:1\/0 +--redis\.url$/m);
});

test('secrets: no problem quotes one; one source cannot give both forms; a stronger source wins over the other form', async (t) => {
  const password = files(t)('password', 'hunter2');
  const flags = { 'redis.url': 'redis://h' };
  const both = await problemsOf(undefined, {
    flags: { ...flags, 'redis.password': 'hunter3', 'redis.password-file': password },
  });
  assert.deepEqual(both, ['--redis.password-file: is given beside --redis.password; remove one']);
  const wins = await load(undefined, {
    flags: { ...flags, 'redis.password-file': password },
    environment: { SONDE_REDIS_PASSWORD: 'hunter3' },
  });
  assert.equal(wins.values['redis.password'], 'hunter2');
  const wrong = await problemsOf(undefined, {
    flags: {
      'redis.url': 'http://me:hunter5@h',
      'redis.password': 'hunter6'.repeat(1000),
      'kafka.sasl.password-file': '/no/such',
    },
  });
  assert.doesNotMatch(wrong.join('\n'), /hunter/);
  assert.deepEqual(wrong.map((line) => line.split(':')[0]).sort(), [
    '--kafka.sasl.password-file',
    '--redis.password',
    '--redis.url',
  ]);
});

test('a secret’s file is read only for a command that takes the secret', async () => {
  const environment = { SONDE_REDIS_PASSWORD_FILE: '/no/such' };
  assert.deepEqual(await problemsOf('run', { environment }), []);
  const [problem] = await problemsOf('aggregate', {
    environment,
    flags: { 'kafka.brokers': 'a:1', 'redis.url': 'redis://h' },
  });
  assert.match(problem!, /^SONDE_REDIS_PASSWORD_FILE: \/no\/such: cannot be read: ENOENT/);
});

test('settings that contradict each other are refused', async () => {
  const flags = { 'kafka.brokers': 'a:1', 'redis.url': 'redis://h' };
  for (const [given, says] of [
    [{ 'kafka.sasl.user': 'u' }, /kafka\.sasl\.password: is missing beside kafka\.sasl\.user[^]*mechanism: is missing/],
    [{ 'kafka.sasl.mechanism': 'plain' }, /kafka\.sasl\.user: is missing beside kafka\.sasl\.mechanism/],
    [
      { 'kafka.tls.key-file': 'k' },
      /kafka\.tls\.cert-file: is missing beside kafka\.tls\.key-file; give both or neither/,
    ],
    [{ 'kafka.tls': 'false', 'kafka.tls.ca-file': 'c' }, /--kafka\.tls: is off, but kafka\.tls\.ca-file is given/],
    [{ 'redis.tls.ca-file': 'c' }, /--redis\.url: is without TLS, but redis\.tls\.ca-file is given; write rediss:/],
    [{ 'redis.user': 'u' }, /redis\.password: is missing beside redis\.user/],
    [{ 'kafka.heartbeat-interval': '6s' }, /--kafka\.heartbeat-interval: is more than half of kafka\.session-timeout/],
    [{ 'kafka.dlq-topic': 'sonde.frames' }, /--kafka\.dlq-topic: is the topic of the frames/],
  ] as const) {
    assert.match((await problemsOf('aggregate', { flags: { ...flags, ...given } })).join('\n'), says);
  }
});

test('labels are bounded in number and length, and their names are Prometheus’', async () => {
  const many = Array.from({ length: 33 }, (_, i) => `l${i}=x`).join(',');
  for (const [text, says] of [
    [many, /--host\.label: has 33 labels; 32 are the most/],
    [`a=${'x'.repeat(257)}`, /--host\.label\.a: is too long; 256 bytes are the most/],
    ['9a=x', /--host\.label\["?9a"?\]|--host\.label\.9a: is no name of a label/],
    [`${'a'.repeat(129)}=x`, /is no name of a label/],
    ['__name__=x', /--host\.label\.__name__: is a label that has a meaning of its own/],
    ['instance=x', /has a meaning of its own/],
    ['a=1,a=2', /--host\.label: gives a twice/],
  ] as const) {
    assert.match((await problemsOf('run', { flags: { 'host.label': text } })).join('\n'), says, text);
  }
});

test('a variable that looks like a setting is named, with what was meant; Kubernetes’ own are not', async () => {
  const { warnings } = await load('run', {
    environment: {
      SONDE_KAFKA_BROKRES: 'a:1',
      SONDE_WHATEVER_ELSE_THERE_IS: '1',
      SONDE_SERVICE_HOST: '10.0.0.1',
      SONDE_PORT_9435_TCP_ADDR: '10.0.0.1',
      SONDE_AGGREGATE_SERVICE_PORT_METRICS: '9435',
      SONDE_PORT: 'tcp://10.0.0.1:9435',
      OTHER: 'x',
    },
  });
  assert.deepEqual(warnings, [
    'the variable SONDE_KAFKA_BROKRES is no setting and has no effect; did you mean SONDE_KAFKA_BROKERS?',
    'the variable SONDE_WHATEVER_ELSE_THERE_IS is no setting and has no effect; sonde settings lists them',
  ]);
});
