import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { registerFederateRoute, registerMetricsRoute } from '../../../aggregator/output/prometheus/routes.js';
import { checkRollups } from '../../../aggregator/rollup/rollup-spec.js';
import { Partition } from '../../../aggregator/partition.js';
import { createWebServer, listen } from '../../../lib/web-server.js';
import { loadSettings } from '../../../lib/settings/load.js';
import { servedPartitions } from '../../harness/exposed.js';
import { MadeHost } from '../../harness/made-host.js';
import { packageRoot } from '../../harness/root.js';
import { startPrometheus } from '../../services/prometheus.js';

const FOLDER = join(packageRoot(), 'deploy/prometheus');
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');

function promtool(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', cwd: packageRoot() });
  assert.equal(status, 0, stdout + stderr);
}

test('promtool takes the configurations and the rules, and the rules do what they should', () => {
  promtool('check', 'config', join(FOLDER, 'prometheus.yml'), join(FOLDER, 'federate.yml'));
  const rules = readdirSync(join(FOLDER, 'rules')).map((file) => join(FOLDER, 'rules', file));
  assert.equal(rules.length, 2);
  promtool('check', 'rules', ...rules);
  promtool('test', 'rules', 'test/fixtures/prometheus/rules.test.yml');
});

test('every alert is about a metric that there is, and is tested', () => {
  const sources = ['aggregator', 'collector', 'bin'].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(packageRoot(), folder, file), 'utf8')),
  );
  const alerts = read('rules/alerts.yml');
  const names = new Set(alerts.match(/\bsonde_\w+/g));
  assert.ok(names.size > 10);
  for (const name of names)
    assert.ok(
      sources.some((text) => text.includes(`'${name}'`)),
      name,
    );
  const tests = readFileSync(join(packageRoot(), 'test/fixtures/prometheus/rules.test.yml'), 'utf8');
  for (const [, alert] of alerts.matchAll(/alert: (\w+)/g))
    assert.match(tests, new RegExp(`alertname: ${alert}\n +exp_alerts:`), alert);
});

test('the settings of the sums are those that the rules take together', async () => {
  const { values } = await loadSettings('aggregate', {
    flags: new Map([
      ['settings', join(FOLDER, 'rollups.yaml')],
      ['kafka.brokers', 'localhost:1'],
    ]),
    environment: {},
  });
  checkRollups(values.rollups);
  for (const { name } of values.rollups) assert.match(read('rules/rollups.yml'), new RegExp(`\\b${name}`));
});

test('two aggregators, a partition that moves: the same series, the same sum', async (t) => {
  const partitions = [0, 1].map((number) => {
    const rollups = [{ metric: 'made_total', by: ['rack'], name: 'fleet_tcp_retransmit_ipv4_packets_total' }];
    const partition = new Partition(number, {
      metricPrefix: '',
      maxSeriesPerMetric: 100,
      onProblem: () => undefined,
      rollups,
    });
    const host = new MadeHost(`host-${number}`, { labels: { rack: 'r1' } });
    let offset = 0n;
    for (const value of [host.manifest(), host.counters([['x', 'y', BigInt(number + 5)]])])
      partition.apply({ key: host.hostId, value, offset: offset++, timestampMs: Date.now() });
    return partition;
  });
  const served = partitions.map((partition) => [partition]);
  const urls = await Promise.all(served.map((own) => serve(t, own)));
  const rules = mkdtempSync(join(tmpdir(), 'sonde-rules-'));
  t.after(() => rmSync(rules, { recursive: true, force: true }));
  mkdirSync(join(rules, 'rules'));
  writeFileSync(join(rules, 'rules/rollups.yml'), read('rules/rollups.yml'));
  const config = read('prometheus.yml')
    .replace('aggregator-1:9435, aggregator-2:9435', urls.map((url) => new URL(url).host).join())
    .replaceAll(/(scrape|evaluation)_interval: 15s/g, '$1_interval: 1s')
    .replace('scrape_timeout: 10s', 'scrape_timeout: 1s')
    .replace('rules/*.yml', join(rules, 'rules/rollups.yml'));
  const prometheus = await startPrometheus(t, config);
  const sum = 'fleet:tcp_retransmit_ipv4_packets:sum';
  const [row] = await prometheus.waitFor(sum, ([first]) => first?.value[1] === '11');
  assert.deepEqual(row?.metric, { __name__: sum, job: 'sonde', rack: 'r1' });

  served[0]!.push(served[1]!.pop()!);
  const moved = 'sum(sonde_partition_shown) == 2 and count(count by (instance) (sonde_partition_shown)) == 1';
  await prometheus.waitFor(moved, (rows) => rows.length === 1);
  await prometheus.waitFor(sum, ([first]) => first?.value[1] === '11');
  const since = Date.now() / 1000 - 600;
  for (const name of ['fleet_tcp_retransmit_ipv4_packets_total', 'made_total']) {
    const series = await prometheus.api(`series?match[]=${name}&start=${since}`);
    assert.equal((series as unknown[]).length, 2, JSON.stringify(series));
  }
});

/** An aggregator that serves what is in `partitions` at the moment. */
async function serve(t: TestContext, partitions: readonly Partition[]): Promise<string> {
  const server = createWebServer();
  t.after(() => server.close());
  const sources = servedPartitions(() => partitions);
  registerMetricsRoute(server, { ...sources, path: '/metrics' });
  registerFederateRoute(server, sources);
  return listen(server, { host: '127.0.0.1', port: 0 });
}
