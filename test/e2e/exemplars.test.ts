import assert from 'node:assert/strict';
import test from 'node:test';
import { obeyThisProcess } from '../harness/bpf-fixture.js';
import { select } from '../harness/kernel-metrics.js';
import { eventBytes, writeRecords } from '../harness/record-command.js';
import { configFolder, startSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';
import { startPrometheus, type PrometheusServer } from '../services/prometheus.js';

const LABELS = `labels:
        - {name: key, member: key, decoders: [{name: uint}]}
        - {name: trace, member: inner.name, decoders: [{name: string}]}
        - {name: span, member: at_ns, decoders: [{name: uint}]}
      exemplar: {trace_id: trace, span_id: span}`;
const RECORDS = `metrics:
  counters:
    - name: traced_total
      help: C
      ringbuf: test_ring
      ${LABELS}
  histograms:
    - name: traced_seconds
      help: H
      ringbuf: test_ring
      value: amount
      buckets: {type: fixed, keys: [8, 16], multiplier: 0.5}
      native: true
      ${LABELS}
`;

interface SeriesExemplars {
  readonly seriesLabels: Record<string, string>;
  readonly exemplars: readonly { readonly labels: Record<string, string>; readonly value: string }[];
}

/** The exemplars of a metric as Prometheus has stored them: `le` or nothing, ids, value. */
async function stored(prometheus: PrometheusServer, metric: string): Promise<string[]> {
  const now = Date.now() / 1000;
  const range = `start=${now - 600}&end=${now + 60}`;
  const series = (await prometheus.api(`query_exemplars?query=${metric}&${range}`)) as readonly SeriesExemplars[];
  return series
    .flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map(
        ({ labels, value }) => `${seriesLabels['le'] ?? ''} ${labels['trace_id']} ${labels['span_id']} ${value}`,
      ),
    )
    .sort();
}

test('a real Prometheus stores the exemplars of a ring buffer', async (t) => {
  const folder = configFolder(t, { records: { yaml: RECORDS, object: 'records' } });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
  writeRecords('ring', eventBytes({ key: 7, amount: 0n })); // of no trace
  writeRecords('ring', eventBytes({ key: 7, amount: 3n, name: 'fast', atNs: 11n }));
  writeRecords('ring', eventBytes({ key: 7, amount: 12n, name: 'slow', atNs: 22n }));
  writeRecords('ring', eventBytes({ key: 7, amount: 99n, name: 'stuck', atNs: 33n }));

  const target = new URL(sonde.url).host;
  const config = `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: sonde, static_configs: [{targets: ['${target}']}]}]\n`;
  // By OpenMetrics, and by protobuf, which it prefers as soon as it takes native histograms.
  for (const features of ['exemplar-storage', 'exemplar-storage,native-histograms']) {
    const prometheus = await startPrometheus(t, config, [`--enable-feature=${features}`]);
    const counter = 'ebpf_exporter_traced_total';
    await until(async () => (await stored(prometheus, counter)).length > 0, `an exemplar, with ${features}`);
    assert.deepEqual(await stored(prometheus, counter), [' fast 11 1'], features);
    if (!features.includes('native')) {
      const found = await stored(prometheus, 'ebpf_exporter_traced_seconds_bucket');
      assert.deepEqual(found, ['+Inf stuck 33 49.5', '4 fast 11 1.5', '8 slow 22 6']);
      continue;
    }
    // All buckets are one series there, and of one series it takes one exemplar of the same millisecond.
    const found = await stored(prometheus, 'ebpf_exporter_traced_seconds');
    assert.equal(found.length, 1);
    assert.ok([' fast 11 1.5', ' slow 22 6', ' stuck 33 49.5'].includes(found[0]!), found[0]);
  }

  const accept = 'application/openmetrics-text';
  const openMetrics = await (await fetch(`${sonde.url}/metrics`, { headers: { accept } })).text();
  assert.match(
    openMetrics,
    /^ebpf_exporter_traced_total\{key="7"\} 4 # \{trace_id="fast",span_id="11"\} 1 \d+\.?\d*$/m,
  );
  assert.match(
    openMetrics,
    /^ebpf_exporter_traced_seconds_bucket\{key="7",le="8"\} 3 # \{trace_id="slow",span_id="22"\} 6 /m,
  );
  const text = await (await fetch(`${sonde.url}/metrics`)).text();
  assert.match(text, /^ebpf_exporter_traced_total\{key="7"\} 4$/m);
});
