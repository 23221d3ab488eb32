import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../../lib/random.js';
import { testFolder } from '../../services/folders.js';
import { startInflux, type InfluxServer } from '../../services/influxdb.js';
import { startKafka } from '../../services/kafka.js';
import { startRedis } from '../../services/redis.js';
import { startFaultProxy, type Fault } from '../fault-proxy.js';
import { readSamples, samplesByName } from '../samples.js';
import { runSonde } from '../sonde.js';
import { until } from '../until.js';
import { AggregatorProcess, SondeProcess } from './processes.js';

export interface InfluxExactnessOptions {
  readonly seed: number;
  /** Times that the aggregator is killed with -9. */
  readonly kills: number;
}

const FAULTS: readonly Fault[] = [{ status: 503 }, { status: 500 }, { status: 429 }, 'reset', 'reset-after', 'hang'];

/**
 * An aggregator that is killed at random points while InfluxDB fails half of the time, beside one that nothing happens to: at the end
 * both have written the same points, each exactly once, and what came is what was written.
 */
export async function showInfluxExactness(t: TestContext, { seed, kills }: InfluxExactnessOptions): Promise<void> {
  const random = seededRandom(seed);
  const folder = testFolder(t, 'influx-exactness');
  const [kafka, redis, influx] = await Promise.all([startKafka(t), startRedis(t, { aof: 'always' }), startInflux(t)]);
  const proxy = await startFaultProxy(t, influx.url);
  await influx.query('CREATE DATABASE reference');
  const bus = ['--kafka.brokers', kafka.brokers.join(',')];
  const created = await runSonde(['topics', 'create', ...bus, '--partitions', '2', '--replication', '1']);
  assert.equal(created.status, 0, created.stderr);
  const output = (url: string, bucket: string): string[] => [
    ...['--influx.url', url, '--influx.bucket', bucket, '--influx.queue.dir', join(folder, bucket.split('/')[0]!)],
  ];
  const group = ['--kafka.session-timeout', '1s', '--kafka.heartbeat-interval', '300ms'];
  const state = ['--redis.url', redis.url, '--state.interval', '500ms'];
  const args = [...bus, ...group, ...state, ...output(proxy.url, 'sonde/autogen')];
  const unlucky = await AggregatorProcess.serving(t, args);
  const lucky = await AggregatorProcess.serving(t, [
    ...[...bus, ...group, '--kafka.group', 'lucky', ...output(influx.url, 'reference/autogen')],
  ]);
  const fleet = ['--hosts', '4', '--series', '60', '--rate', '400', '--poll-interval', '1', '--churn', '0.05'];
  const simulator = new SondeProcess(t, ['simulate', ...bus, ...fleet, '--seed', String(seed)]);
  simulator.start();

  proxy.fault = () => (random() < 0.5 ? 'pass' : FAULTS[Math.floor(random() * FAULTS.length)]!);
  for (let kill = 0; kill < kills; kill++) {
    await sleep(500 + random() * 2500);
    await unlucky.kill();
    unlucky.start();
  }
  await sleep(2000);
  assert.ok(simulator.isRunning, simulator.output);
  await simulator.stop();
  proxy.fault = 'pass';
  const counts = (): Promise<number[]> =>
    Promise.all(['sonde', 'reference'].map(async (database) => (await pointsOf(influx, database)).length));
  // What one has read may still wait to be a whole batch: then the other has more.
  await until(async () => {
    for (const { url } of [unlucky, lucky]) if (!(await isDone(url))) return false;
    const [ours, theirs] = await counts();
    return ours === theirs && ours! > 500;
  }, 'both to have written everything');

  const points = await pointsOf(influx, 'sonde');
  const reference = await pointsOf(influx, 'reference');
  assert.deepEqual(points, reference);
}

/** Nothing is left to read or to write, and nothing was refused or lost. */
async function isDone(url: string): Promise<boolean> {
  const text = await fetch(`${url}/metrics`).then(
    (answer) => answer.text(),
    () => undefined,
  );
  if (text === undefined) return false;
  const samples = samplesByName(readSamples(text));
  const sum = (name: string): number =>
    [...samples].filter(([key]) => key.startsWith(name)).reduce((total, [, value]) => total + Number(value), 0);
  const hasRead = [...samples.keys()].some((key) => key.startsWith('sonde_kafka_lag_records'));
  const written = sum('sonde_influx_points_written_total');
  const waiting = sum('sonde_influx_points_waiting') + sum('sonde_influx_queue_points');
  if (!hasRead || sum('sonde_kafka_lag_records') > 0 || waiting > 0) return false;
  assert.equal(sum('sonde_influx_points_dead_total') + sum('sonde_influx_points_lost_total'), 0);
  return written + sum('sonde_influx_points_queued_total') === sum('sonde_influx_points_total');
}

/** All points of a database, as text, sorted. */
async function pointsOf(influx: InfluxServer, database: string): Promise<string[]> {
  const names = await influx.query(`SHOW MEASUREMENTS ON ${database}`);
  const points: string[] = [];
  for (const { name } of names) {
    const rows = await influx.query(`SELECT * FROM "${database}"."autogen"."${name}"`);
    points.push(...rows.map((row) => `${name} ${JSON.stringify(Object.entries(row).sort())}`));
  }
  return points.sort();
}
