import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AggregatorProcess, SondeProcess } from '../harness/fleet/processes.js';
import { runSonde } from '../harness/sonde.js';
import { startKafka } from '../services/kafka.js';
import { startPrometheus, type PrometheusServer } from '../services/prometheus.js';
import { startRedis } from '../services/redis.js';

const METRIC = 'ebpf_exporter_sim_events_total';
/** How they reach Prometheus: its jobs. */
const WAYS = ['scraped', 'federated'] as const;
/** Longer than a rebalance. */
const RANGE = '15s';
const WARM_UP_MS = 20_000;
const QUIET_MS = 12_000;

test('a real Prometheus sees neither gap nor jump when hosts move to another aggregator and back', async (t) => {
  const [kafka, redis] = await Promise.all([startKafka(t), startRedis(t, { aof: 'everysec' })]);
  const bus = ['--kafka.brokers', kafka.brokers.join(',')];
  const topics = await runSonde(['topics', 'create', ...bus, '--partitions', '4']);
  assert.equal(topics.status, 0, topics.stderr);
  const aggregators = await Promise.all([1, 2].map(() => startAggregator(t, bus, redis.url)));
  const hosts = ['--hosts', '10', '--series', '50', '--rate', '1000', '--poll-interval', '1'];
  const simulator = new SondeProcess(t, ['simulate', ...bus, ...hosts, '--seed', '7']);
  simulator.start();
  const prometheus = await startPrometheus(t, configOf(aggregators));

  await sleep(WARM_UP_MS);
  const from = Date.now() / 1000;
  const expected = await seriesByWay(prometheus);
  for (const way of WAYS) assert.ok(expected.get(way)! > 50, `${way}: ${expected.get(way)} series`);
  // One leaves in order, comes back, and is killed: each time its hosts move, and move back.
  const moving = aggregators[0]!;
  await moving.stop();
  await sleep(QUIET_MS);
  moving.start();
  await moving.serves();
  await sleep(QUIET_MS);
  await moving.kill();
  await sleep(QUIET_MS);
  moving.start();
  await moving.serves();
  await sleep(QUIET_MS);
  const to = Date.now() / 1000;
  assert.ok(simulator.isRunning, simulator.output);

  const resets = await prometheus.query(`sum by (job) (resets(${METRIC}[${Math.ceil(to - from)}s]))`);
  for (const way of WAYS)
    assert.equal(resets.find(({ metric }) => metric['job'] === way)?.value[1], '0', `${way} fell`);
  const counts = await steps(prometheus, `count by (job) (rate(${METRIC}[${RANGE}]))`, from, to);
  const rates = await steps(prometheus, `sum by (job) (rate(${METRIC}[${RANGE}]))`, from, to);
  for (const way of WAYS) {
    assert.deepEqual(
      counts.get(way)!.filter((count) => count !== expected.get(way)),
      [],
      `${way}: series are missing at some moments`,
    );
    const sorted = [...rates.get(way)!].sort((a, b) => a - b);
    const usual = sorted[sorted.length >> 1]!;
    assert.ok(sorted.length >= Math.floor(to - from) - 1, `${way}: ${sorted.length} steps`);
    assert.ok(
      usual > 0 && sorted[0]! > usual / 2 && sorted.at(-1)! < usual * 2,
      `${way}: rates from ${sorted[0]} to ${sorted.at(-1)}, usually ${usual}`,
    );
  }
});

function startAggregator(t: TestContext, bus: readonly string[], redis: string): Promise<AggregatorProcess> {
  const settings = ['--redis.url', redis, '--state.interval', '1s', '--kafka.session-timeout', '6s'];
  return AggregatorProcess.serving(t, [...bus, ...settings]);
}

function configOf(aggregators: readonly AggregatorProcess[]): string {
  const targets = JSON.stringify(aggregators.map(({ url }) => url.slice('http://'.length)));
  return `global: {scrape_interval: 1s}
scrape_configs:
  - job_name: scraped
    honor_labels: true
    static_configs: [{targets: ${targets}}]
  - job_name: federated
    honor_labels: true
    metrics_path: /federate
    params: {'match[]': ['${METRIC}']}
    static_configs: [{targets: ${targets}}]
`;
}

/** Series of the metric, by job. */
async function seriesByWay(prometheus: PrometheusServer): Promise<Map<string, number>> {
  const rows = await prometheus.query(`count by (job) (rate(${METRIC}[${RANGE}]))`);
  return new Map(rows.map(({ metric, value }) => [metric['job']!, Number(value[1])]));
}

/** Values of an expression that has one series a job, a second apart. */
async function steps(
  prometheus: PrometheusServer,
  expression: string,
  from: number,
  to: number,
): Promise<Map<string, number[]>> {
  const query = new URLSearchParams({ query: expression, start: String(from), end: String(to), step: '1' });
  const { result } = (await prometheus.api(`query_range?${query.toString()}`)) as {
    result: { metric: Record<string, string>; values: [number, string][] }[];
  };
  return new Map(result.map(({ metric, values }) => [metric['job']!, values.map(([, value]) => Number(value))]));
}
