import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKafka, type KafkaOptions } from '../../services/kafka.js';
import { startRedis } from '../../services/redis.js';
import { runSonde } from '../sonde.js';
import { until } from '../until.js';
import { AggregatorProcess, SondeProcess } from './processes.js';
import { probeSeries } from './series.js';

export interface FailoverOptions extends Pick<KafkaOptions, 'nodes'> {
  readonly seed: number;
  readonly hosts: number;
  readonly seriesPerHost: number;
  readonly partitions: number;
  readonly aggregators: number;
  readonly sessionTimeoutMs: number;
  /** How many are killed, in turn. */
  readonly kills: number;
}

/** What is promised beyond the session timeout. */
const PROMISED_MS = 5000;
/** For a machine that does much else meanwhile. A fault, such as waiting for members that are dead, takes far longer. */
const SLACK_MS = 10_000;
const POLL_MS = 50;

/**
 * Kills aggregators, and measures how long their hosts are not served: from the kill until `/metrics` of the others have all of
 * them. Each figure is printed, and none may exceed what is promised and some slack for the machine.
 */
export async function showFailover(t: TestContext, options: FailoverOptions): Promise<void> {
  const [kafka, redis] = await Promise.all([startKafka(t, options), startRedis(t, { aof: 'everysec' })]);
  const bus = ['--kafka.brokers', kafka.brokers.join(',')];
  const created = await runSonde(['topics', 'create', ...bus, '--partitions', String(options.partitions)]);
  assert.equal(created.status, 0, created.stderr);
  const settings = ['--redis.url', redis.url, '--kafka.session-timeout', `${options.sessionTimeoutMs}ms`];
  const aggregators = await Promise.all(
    Array.from({ length: options.aggregators }, () => AggregatorProcess.serving(t, [...bus, ...settings])),
  );
  const size = ['--hosts', String(options.hosts), '--series', String(options.seriesPerHost)];
  const simulator = new SondeProcess(t, [
    ...['simulate', ...bus, ...size, '--seed', String(options.seed)],
    ...['--rate', '2000', '--poll-interval', '1', '--duration', '3600s'],
  ]);
  simulator.start();

  for (let kill = 0; kill < options.kills; kill++) {
    await until(() => isShared(aggregators, options.hosts), 'each host to have an aggregator, and each of these hosts');
    const tookMs = await failover(
      aggregators,
      kill % aggregators.length,
      options.sessionTimeoutMs + PROMISED_MS + SLACK_MS,
    );
    const promised = `${(options.sessionTimeoutMs + PROMISED_MS) / 1000} s`;
    t.diagnostic(
      `aggregator killed: its hosts are served again after ${(tookMs / 1000).toFixed(1)} s (promised: ${promised})`,
    );
  }
  assert.ok(simulator.isRunning, simulator.output);
}

/** Milliseconds from the kill of one until the others show all of its hosts. It is started again afterwards. */
async function failover(aggregators: readonly AggregatorProcess[], number: number, limitMs: number): Promise<number> {
  const victim = aggregators[number]!;
  const others = aggregators.filter((aggregator) => aggregator !== victim);
  const orphans = await hostsOf(victim);
  const killedMs = performance.now();
  await victim.kill();
  for (;;) {
    const served = await servedBy(others);
    const tookMs = performance.now() - killedMs;
    const left = [...orphans].filter((host) => !served.has(host));
    if (left.length === 0) {
      victim.start();
      await victim.serves();
      return tookMs;
    }
    const outputs = (): string => others.map(({ output }) => output.slice(-2000)).join('\n');
    assert.ok(
      tookMs < limitMs,
      `${left.length} of ${orphans.size} hosts are not served after ${tookMs} ms:\n${outputs()}`,
    );
    await sleep(POLL_MS);
  }
}

async function isShared(aggregators: readonly AggregatorProcess[], hosts: number): Promise<boolean> {
  const each = await Promise.all(aggregators.map(hostsOf));
  const served = each.reduce((sum, { size }) => sum + size, 0);
  return served === hosts && each.every(({ size }) => size > 0);
}

async function servedBy(aggregators: readonly AggregatorProcess[]): Promise<Set<string>> {
  const each = await Promise.all(aggregators.map(hostsOf));
  return new Set(each.flatMap((hosts) => [...hosts]));
}

/** The hosts whose series it shows at the moment. */
async function hostsOf({ url }: AggregatorProcess): Promise<Set<string>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const hosts = [...probeSeries(text).keys()].map((series) => /[{,]instance="([^"]*)"/.exec(series)?.[1]);
  return new Set(hosts.map((host) => host!));
}
