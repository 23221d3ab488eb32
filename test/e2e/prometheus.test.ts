import assert from 'node:assert/strict';
import test from 'node:test';
import { command, startCommands } from '../harness/bpf-fixture.js';
import { startPrometheus } from '../services/prometheus.js';

test('a real Prometheus scrapes it and finds the series', async (t) => {
  const sonde = await startCommands(t);
  command('hash', 42, 23);
  command('hashHigh', 43, 2 ** 20);
  const target = new URL(sonde.url).host;
  const prometheus = await startPrometheus(
    t,
    `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: sonde, static_configs: [{targets: ['${target}']}]}]\n`,
  );

  const [up] = await prometheus.waitFor('up{job="sonde"}', (rows) => rows.length > 0);
  assert.equal(up?.value[1], '1');
  const rows = await prometheus.query('ebpf_exporter_test_rows_total');
  assert.deepEqual(rows.map(({ metric, value }) => [metric['key'], value[1]]).sort(), [
    ['42', '23'],
    ['43', String(2 ** 52)],
  ]);
  const [enabled] = await prometheus.query('ebpf_exporter_enabled_configs{name="commands"}');
  assert.equal(enabled?.value[1], '1');
  // It keeps what a counter is: OpenMetrics' family without _total.
  const metadata = (await prometheus.api('metadata?metric=ebpf_exporter_test_rows')) as Record<
    string,
    { type: string }[]
  >;
  assert.equal(metadata['ebpf_exporter_test_rows']?.[0]?.type, 'counter');
});
