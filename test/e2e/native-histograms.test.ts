import assert from 'node:assert/strict';
import test from 'node:test';
import { command, obeyThisProcess } from '../harness/bpf-fixture.js';
import { select } from '../harness/kernel-metrics.js';
import { eventBytes, writeRecords } from '../harness/record-command.js';
import { configFolder, startSonde } from '../harness/sonde.js';
import { startPrometheus } from '../services/prometheus.js';

const RECORDS = `metrics:
  histograms:
    - {name: native_only, help: N, ringbuf: test_ring, value: amount, buckets: {type: native, multiplier: 0.5}}
    - name: native_beside
      help: B
      ringbuf: test_ring
      value: amount
      buckets: {type: fixed, keys: [8]}
      native: true
      labels: [{name: key, member: key, decoders: [{name: uint}]}]
    - {name: classic_only, help: C, ringbuf: test_ring, value: amount, buckets: {type: fixed, keys: [8]}}
`;
const CLASSIC = RECORDS.replace(/ +- \{name: native_only.*\n/, '').replace(/ +native: true\n/, '');
const COMMANDS = `metrics:
  histograms:
    - name: native_map
      help: M
      map: test_rows_total
      bucket_type: exp2
      bucket_min: 0
      bucket_max: 6
      bucket_multiplier: 0.25
      native: true
      labels: [{name: bucket, size: 4, decoders: [{name: uint}]}]
`;

test('a real Prometheus stores native histograms of a ring buffer and of a map', async (t) => {
  const folder = configFolder(t, {
    records: { yaml: RECORDS, object: 'records' },
    commands: { yaml: COMMANDS, object: 'commands' },
  });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  for (const config of ['records', 'commands']) {
    const programs = select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info');
    obeyThisProcess(Number(programs.find(({ labels }) => labels['config'] === config)?.labels['id']));
  }
  writeRecords('ring', eventBytes({ key: 7, amount: 0n }));
  writeRecords('ring', eventBytes({ key: 7, amount: 8n }), 3);
  writeRecords('ring', eventBytes({ key: 7, amount: 9n }), 2);
  command('hash', 3, 5);

  const target = new URL(sonde.url).host;
  const prometheus = await startPrometheus(
    t,
    `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: sonde, static_configs: [{targets: ['${target}']}]}]\n`,
    ['--enable-feature=native-histograms'],
  );
  const value = async (expression: string): Promise<number> =>
    Number((await prometheus.query(expression))[0]?.value[1]);
  const near = async (expression: string, expected: number): Promise<void> => {
    const found = await value(expression);
    assert.ok(Math.abs(found - expected) < 1e-9, `${expression}: ${found}, not ${expected}`);
  };
  await prometheus.waitFor('histogram_count(ebpf_exporter_native_only)', (rows) => rows[0]?.value[1] === '6');
  // In halves: 0, three of 4.0 in (2^(7/4), 4], two of 4.5 above.
  await near('histogram_sum(ebpf_exporter_native_only)', 21);
  await near('histogram_quantile(0.5, ebpf_exporter_native_only)', 2 ** 1.75 + ((4 - 2 ** 1.75) * 2) / 3);
  await near('histogram_quantile(1, ebpf_exporter_native_only)', 2 ** 2.25);
  await near('histogram_count(ebpf_exporter_native_beside{key="7"})', 6);
  await near('histogram_quantile(1, ebpf_exporter_native_beside)', 2 ** 3.25);
  // Bucket 3 of the map: (2^2, 2^3], in quarters (1, 2].
  await near('histogram_count(ebpf_exporter_native_map)', 5);
  await near('histogram_quantile(0.2, ebpf_exporter_native_map)', 1.2);
  // The rest is there as well: metrics that are always there, and Sonde's own.
  await near('up', 1);
  await near('ebpf_exporter_enabled_configs{name="records"}', 1);
  assert.ok((await value('sonde_poll_duration_seconds_count')) > 0);

  const text = await (await fetch(`${sonde.url}/metrics`)).text();
  assert.match(text, /^ebpf_exporter_native_only_bucket\{le="\+Inf"\} 6$/m);
  assert.match(text, /^ebpf_exporter_native_beside_bucket\{key="7",le="8"\} 4$/m);
});

/** As Prometheus 2.53 asks, and 1.8, and one that asks for another message. */
const ACCEPT = [
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text,text/plain;version=0.0.4;q=0.3',
];

test('protobuf is answered only where there is a native histogram: of Prometheus 2 it changes the bounds of the others', async (t) => {
  const config = `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: sonde, static_configs: [{targets: ['TARGET']}]}]\n`;
  for (const [yaml, types, bound] of [
    [CLASSIC, ['openmetrics-text', 'plain', 'plain'], '8'],
    [RECORDS, ['vnd.google.protobuf', 'vnd.google.protobuf', 'plain'], '8.0'],
  ] as const) {
    const sonde = await startSonde(t, ['--config.dir', configFolder(t, { records: { yaml, object: 'records' } })]);
    obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
    writeRecords('ring', eventBytes({ key: 7, amount: 8n }));
    const got = ACCEPT.map(async (accept) => {
      const response = await fetch(`${sonde.url}/metrics`, { headers: { accept } });
      await response.arrayBuffer();
      return /^\w+\/([^;]+)/.exec(response.headers.get('content-type') ?? '')?.[1];
    });
    assert.deepEqual(await Promise.all(got), types);
    const prometheus = await startPrometheus(t, config.replace('TARGET', new URL(sonde.url).host), [
      '--enable-feature=native-histograms',
    ]);
    const rows = await prometheus.waitFor('ebpf_exporter_classic_only_bucket == 1', (found) => found.length === 2);
    assert.deepEqual(rows.map(({ metric }) => metric['le']).sort(), ['+Inf', bound]);
  }
});
