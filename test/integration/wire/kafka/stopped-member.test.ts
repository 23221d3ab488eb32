import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { CheckedHandler, makeTopic, testConsumer } from '../../../harness/kafka-bus.js';
import { packageRoot } from '../../../harness/root.js';
import { until } from '../../../harness/until.js';
import { startKafka } from '../../../services/kafka.js';

const PARTITIONS = 4;
/** Longer than the member's session, which is 3 s. */
const STOPPED_MS = 4500;

test('a member that was stopped beyond its session shows nothing when it wakes, until it is a member again', async (t) => {
  const cluster = await startKafka(t);
  const topic = await makeTopic(cluster, PARTITIONS);
  const script = join(packageRoot(), 'dist/test/harness/kafka-member.js');
  const child = spawn(process.execPath, [script, cluster.brokers[0]!, topic], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const said: { readonly joins: number; readonly shown: string }[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const [joins, shown] = line.split(' ');
    said.push({ joins: Number(joins), shown: shown! });
  });
  const all = [...Array(PARTITIONS).keys()].join();
  await until(() => said.at(-1)?.shown.split(',').sort().join() === all, 'the member to show all');

  const other = testConsumer(t, cluster, topic);
  const handler = new CheckedHandler();
  child.kill('SIGSTOP');
  const joining = other.start(handler);
  await sleep(STOPPED_MS);
  await joining;
  await until(() => other.shown().size === PARTITIONS, 'the other one to take over');
  const before = said.length;
  const { joins } = said.at(-1)!;
  child.kill('SIGCONT');
  await until(() => said.length > before && said.at(-1)!.joins > joins, 'it to be a member again');
  const awake = said.slice(before).filter((line) => line.joins === joins);
  assert.ok(awake.length > 0, 'it said something before it was a member again');
  assert.deepEqual(
    awake.filter(({ shown }) => shown !== ''),
    [],
  );
  await until(() => other.shown().size === 2 && said.at(-1)!.shown !== '', 'both to share');
  child.kill('SIGKILL');
  await other.close();
});
