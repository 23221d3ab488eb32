import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { Redis } from 'ioredis';
import { packageRoot } from '../../harness/root.js';
import { isAlive, type Process } from '../../services/process.js';
import { testFolder } from '../../services/folders.js';

interface Ended {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

function services(folder: string, ...args: string[]): Ended {
  const script = join(packageRoot(), 'scripts', 'services.mjs');
  const child = spawnSync(process.execPath, [script, ...args, '--folder', folder], { encoding: 'utf8' });
  return { status: child.status, lines: child.stdout.split('\n').filter(Boolean), stderr: child.stderr };
}

function processesOf(folder: string): Process[] {
  const state = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as Record<
    string,
    { processes: Process[] }
  >;
  return Object.values(state).flatMap(({ processes }) => processes);
}

function stateFolder(t: TestContext): string {
  const folder = testFolder(t, 'services', () => Promise.resolve(services(folder, 'down')));
  return folder;
}

test('up leaves servers that answer, says where, and starts none twice; down ends just those', async (t) => {
  const [folder, other] = [stateFolder(t), stateFolder(t)];
  const up = services(folder, 'up');
  assert.equal(up.status, 0, up.stderr);
  assert.equal(up.lines.length, 2);
  const exported = new Map(up.lines.map((line) => line.split('=') as [string, string]));
  const kafka = new Kafka({ brokers: [exported.get('SONDE_KAFKA_BROKERS')!], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  assert.equal((await admin.describeCluster()).brokers.length, 1);
  await admin.disconnect();
  const redis = new Redis(exported.get('SONDE_REDIS_URL')!);
  assert.equal(await redis.ping(), 'PONG');
  redis.disconnect();

  const [otherLine] = services(other, 'up', 'redis').lines;
  assert.match(otherLine!, /^SONDE_REDIS_URL=redis:/);
  const processes = processesOf(folder);
  assert.equal(processes.length, 2);
  assert.deepEqual(services(folder, 'up', 'redis', 'kafka').lines, [...up.lines].reverse());
  assert.deepEqual(processesOf(folder), processes);

  // One that has died is started again.
  process.kill(processes[1]!.pid, 'SIGKILL');
  const [kafkaLine, redisLine] = services(folder, 'up').lines;
  assert.equal(kafkaLine, up.lines[0]);
  assert.notEqual(redisLine, up.lines[1]);

  const last = processesOf(folder);
  assert.ok(last.every(isAlive));
  assert.deepEqual(services(folder, 'down'), { status: 0, lines: [], stderr: '' });
  assert.ok(!last.some(isAlive));
  assert.ok(processesOf(other).every(isAlive));
  assert.deepEqual(services(folder, 'down'), { status: 0, lines: [], stderr: '' });
});

test('an unknown name starts nothing and lists what there is', (t) => {
  const { lines, status, stderr } = services(stateFolder(t), 'up', 'redis', 'mysql');
  assert.deepEqual(lines, []);
  assert.equal(status, 1);
  assert.equal(stderr, 'sonde: there is no service mysql: there are kafka, redis, influx, prometheus.\n');
});
