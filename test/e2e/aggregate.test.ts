import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { suite, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AggregatorProcess } from '../harness/fleet/processes.js';
import { asAdmin } from '../harness/kafka-bus.js';
import { runSonde } from '../harness/sonde.js';
import { makeCertificates } from '../services/certificates.js';
import { testFolder } from '../services/folders.js';
import { startKafka } from '../services/kafka.js';
import { startRedis } from '../services/redis.js';
import { assertForPeople, assertRefused } from './assert-refused.js';

/** What a start needs beside the brokers. */
const QUICK = ['--kafka.session-timeout', '3s', '--kafka.heartbeat-interval', '300ms', '--log.no-timestamps'];

test('bad input is refused with what to write', async () => {
  const brokers = ['--kafka.brokers', '127.0.0.1:1'];
  const [help, none, file, tls] = await Promise.all([
    runSonde(['aggregate', '--help']),
    runSonde(['aggregate']),
    runSonde(['aggregate', ...brokers, '--kafka.tls.ca-file', '/no/such.pem']),
    runSonde(['aggregate', ...brokers, '--kafka.tls.ca-file', import.meta.filename]),
  ]);
  assert.equal(help.status, 0);
  for (const flag of ['kafka.brokers', 'kafka.group', 'redis.url', 'redis.password-file', 'state.interval', 'settings'])
    assert.match(help.stdout, new RegExp(`--${flag.replaceAll('.', '\\.')} `), flag);
  assert.doesNotMatch(help.stdout, /--spool|--config/);
  assertRefused(
    none,
    /^sonde: --kafka\.brokers is missing: give it, or SONDE_KAFKA_BROKERS, or kafka\.brokers in a --settings file$/m,
  );
  assertRefused(file, /^sonde: kafka\.tls\.ca-file: \/no\/such\.pem cannot be read: ENOENT/m);
  assertRefused(tls, /^sonde: kafka\.tls\.ca-file: \S+ holds no certificate in PEM: give a file with -----BEGIN/m);
});

test('a port in use is named before Kafka is asked', async (t) => {
  const one = await aggregator(t, ['--kafka.brokers', '127.0.0.1:1']);
  one.start();
  await one.serves();
  const { host } = new URL(one.url);
  const two = await runSonde(['aggregate', '--kafka.brokers', '127.0.0.1:1', '--web.listen-address', host]);
  assertRefused(two, /is in use: stop what listens there/);
});

suite('with a broker', () => {
  test('topics are made once; an aggregator joins, says that it is ready, and leaves when told to', async (t) => {
    const kafka = await startKafka(t);
    const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
    const missing = await runSonde([
      'aggregate',
      ...brokers,
      '--web.listen-address',
      '127.0.0.1:0',
      '--log.no-timestamps',
    ]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /^sonde: .*there is no topic sonde\.frames; run `sonde topics create`$/m);
    assertForPeople(missing.stderr);

    const made = await runSonde(['topics', 'create', ...brokers, '--partitions', '3', '--retention=2h']);
    assert.deepEqual([made.status, made.stderr], [0, '']);
    assert.match(made.stdout, /^sonde\.frames +made +3 +1$/m);
    const again = await runSonde(['topics', 'create', ...brokers, '--partitions', '5', '--retention=2h']);
    assert.match(again.stdout, /^sonde\.frames +was there +3 +1$/m);
    assert.match(again.stdout, /sonde\.frames has 3 partitions, not 5: it keeps them/);

    const one = await aggregator(t, [...brokers, ...QUICK]);
    one.start();
    await one.serves();
    assert.deepEqual(await untilReady(one), [
      'ready',
      'kafka: member, 3 of 3 partitions shown, 0 records to read',
      'redis: not used, the state is in this process only',
    ]);
    assert.match(one.output, /^metrics +http:\/\/127\.0\.0\.1:\d+\/metrics\npage +http/m);
    assert.match(one.output, /^group +sonde of topic sonde\.frames$/m);
    assert.match(await (await fetch(`${one.url}/metrics`)).text(), /^sonde_kafka_up 1$/m);
    assert.equal((await fetch(one.url)).status, 200);

    assert.equal(await one.stop(), 0);
    assert.match(one.output, /^INFO: stopping$/m);
    const groups = await asAdmin(kafka, (admin) => admin.describeGroups(['sonde']));
    assert.equal(groups.groups[0]?.members.length, 0, 'it has left the group');
    assertForPeople(one.output);
  });

  test('while brokers are away it tries on, says so, and can be stopped', async (t) => {
    const kafka = await startKafka(t);
    const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
    await runSonde(['topics', 'create', ...brokers]);
    await kafka.kill();
    const [one, other] = await Promise.all([
      aggregator(t, [...brokers, ...QUICK]),
      aggregator(t, [...brokers, ...QUICK]),
    ]);
    for (const each of [one, other]) {
      each.start();
      await each.serves();
    }
    const answer = await untilSaid(one, /ECONNREFUSED/);
    assert.match(answer, /^not ready\nkafka: .*ECONNREFUSED.*will be tried again\n/);
    assert.match(one.output, /WARN: not in the group: kafka 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    assert.equal(await other.stop(), 0);
    await kafka.restart();
    await untilReady(one);
    assertForPeople(one.output + other.output);
  });
});

test('with Redis: ready also while it is away, and ended by a topic that has another number of partitions', async (t) => {
  const [kafka, redis] = await Promise.all([
    startKafka(t),
    startRedis(t, { aof: 'always', user: 'sonde', password: 'hunter2' }),
  ]);
  const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
  await runSonde(['topics', 'create', ...brokers, '--partitions', '2']);
  const state = [...brokers, ...QUICK, '--redis.url', redis.url, '--redis.user', 'sonde'];
  const refused = await runSonde(['aggregate', ...state, '--web.listen-address', '127.0.0.1:0'], {
    env: { SONDE_REDIS_PASSWORD: 'hunter3' },
  });
  assertRefused(refused, /^sonde: redis\.url: .*\(WRONGPASS .*\): check redis\.user, redis\.password and redis\.tls/m);
  assert.doesNotMatch(refused.stderr, /hunter/);

  const password = join(testFolder(t, 'password'), 'password');
  writeFileSync(password, 'hunter2');
  const one = await aggregator(t, [...state, '--redis.password-file', password, '--state.interval', '200ms']);
  one.start();
  await one.serves();
  assert.equal((await untilReady(one))[2], 'redis: connected');
  await redis.kill();
  assert.match(await untilSaid(one, /redis: away since/), /^ready\n[^]*redis: away since \d{4}-\S+Z: .*$/m);
  await redis.restart();
  await untilSaid(one, /redis: connected\n/);

  await asAdmin(kafka, (admin) => admin.createPartitions({ topicPartitions: [{ topic: 'sonde.frames', count: 3 }] }));
  const late = await aggregator(t, [...state, '--redis.password-file', password]);
  late.start();
  assert.equal(await late.ended(), 1);
  assert.match(late.output, /^sonde: topic sonde\.frames has 3 partitions, but its state was stored for 2: /m);
  assert.equal(await one.stop(), 0, one.output);
  assertForPeople(one.output);
});

test('with a broker that wants TLS and a login, each thing that is wrong is one sentence without the password', async (t) => {
  const folder = testFolder(t, 'certificates');
  const certificates = await makeCertificates(folder);
  const others = await makeCertificates(join(folder, 'others'));
  const kafka = await startKafka(t, { tls: certificates, sasl: { user: 'sonde', password: 'hunter2' } });
  const password = join(folder, 'password');
  writeFileSync(password, 'hunter2\n');
  const login = ['--kafka.sasl.mechanism', 'scram-sha-512', '--kafka.sasl.user', 'sonde'];
  const right = ['--kafka.brokers', kafka.brokers.join(','), '--kafka.tls.ca-file', certificates.caFile, ...login];
  const make = (...args: string[]): ReturnType<typeof runSonde> => runSonde(['topics', 'create', ...right, ...args]);

  const made = await make('--kafka.sasl.password-file', password);
  assert.deepEqual([made.status, made.stderr], [0, '']);
  const wrong = { env: { SONDE_KAFKA_SASL_PASSWORD: 'hunter3' } };
  for (const command of [
    ['topics', 'create'],
    ['aggregate', '--web.listen-address', '127.0.0.1:0'],
    [
      'collect',
      '--web.listen-address',
      '127.0.0.1:0',
      '--config.names',
      'timers',
      '--spool.dir',
      join(folder, 'spool'),
    ],
  ]) {
    const { status, stderr } = await runSonde([...command, ...right], wrong);
    assert.equal(status, 1);
    assert.match(stderr, /^sonde: kafka .*: the login was refused \(.*\); check user, password and mechanism$/m);
    assert.doesNotMatch(stderr, /hunter/);
    assertForPeople(stderr);
  }
  const ca = await make('--kafka.sasl.password-file', password, '--kafka.tls.ca-file', others.caFile);
  assertRefused(ca, /^sonde: kafka .*: no TLS with it \(.*\); check CA, certificate/m);
  const key = ['--kafka.tls.cert-file', certificates.clientCertFile, '--kafka.tls.key-file', others.clientKeyFile];
  const pair = await make('--kafka.sasl.password-file', password, ...key);
  assertRefused(
    pair,
    /^sonde: kafka\.tls\.key-file: \S+ is not the key of \S+: give the two that were made together$/m,
  );
});

function aggregator(t: TestContext, args: readonly string[]): Promise<AggregatorProcess> {
  return AggregatorProcess.create(t, args);
}

/** The lines of `/readyz`, once it says ready. */
async function untilReady(one: AggregatorProcess): Promise<string[]> {
  return (await untilSaid(one, /^ready\n/)).trim().split('\n');
}

async function untilSaid(one: AggregatorProcess, words: RegExp): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const text = await (await fetch(`${one.url}/readyz`)).text();
    if (words.test(text)) return text;
    await sleep(100);
  }
  throw new Error(`/readyz never said ${String(words)}:\n${one.output}`);
}
