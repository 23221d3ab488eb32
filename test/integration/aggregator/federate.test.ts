import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { registerFederateRoute, registerMetricsRoute } from '../../../aggregator/output/prometheus/routes.js';
import { createWebServer, listen } from '../../../lib/web-server.js';
import { readFederated } from '../../harness/federated-text.js';
import { TestAggregator } from '../../harness/frames.js';
import { MadeHost } from '../../harness/made-host.js';
import { startPrometheus } from '../../services/prometheus.js';

/** Each finds something, but not everything. */
const SELECTIONS: readonly (readonly string[])[] = [
  ['made_total'],
  ['made_total{one="x\\"y"}', 'made_seconds_bucket{le="+Inf"}'],
  ['{__name__=~"made_.*",instance="b"}'],
  ['{__name__=~"made_.*",rack!=""}'],
  ['{__name__=~"made_.*",rack=""}'],
  ['{__name__=~"made_.*",two!~"z|"}'],
  ["made_total{one=~'x\\\\.y|\\\\\\\\'}", '{le=~"[24]e-06"}'],
  ['{__name__="enabled_configs",name="made"}'],
  ['{__name__=~"sonde_frames_applied_total|sonde_state_write_duration_seconds_.*",le!="10"}'],
];

/** Two hosts behind `/metrics` and `/federate`. */
async function startFleet(t: TestContext): Promise<{ url: string; send: (value: bigint) => Promise<void> }> {
  const { aggregator, registry, bus } = await TestAggregator.start();
  const server = createWebServer();
  t.after(() => server.close());
  const sources = { aggregator, registry, metricPrefix: '', instanceLabel: 'instance' };
  registerMetricsRoute(server, { ...sources, path: '/metrics' });
  registerFederateRoute(server, sources);
  const url = await listen(server, { host: '127.0.0.1', port: 0 });

  const hosts = [new MadeHost('a', { labels: { rack: 'r"1' } }), new MadeHost('b')];
  const publish = (host: MadeHost, value: Uint8Array): Promise<void> => bus.publish([{ key: host.hostId, value }]);
  const send = async (value: bigint): Promise<void> => {
    for (const host of hosts) {
      host.realtimeNs = BigInt(Date.now()) * 1_000_000n;
      await publish(host, host.manifest());
      await publish(
        host,
        host.counters([
          ['x"y', 'z', value],
          ['x.y', 'é', value],
          ['\\', '', value + 2n ** 53n],
          ['x\ny', 'z', 7n],
        ]),
      );
      const buckets = Array.from({ length: 6 }, (_, i) => ['x', i, value] as const);
      await publish(host, host.histogram(buckets));
    }
  };
  return { url, send };
}

function samplesOf(text: string): string[] {
  return readFederated(text)
    .map(({ name, labels, value }) => {
      // Not the scraper's own, nor what it takes for no label.
      const kept = Object.entries(labels).filter(
        ([label, text]) => text !== '' && label !== 'job' && !(label === 'instance' && text.includes(':')),
      );
      return JSON.stringify([name, kept.sort(), Number(value)]);
    })
    .sort();
}

async function federate(url: string, selectors: readonly string[]): Promise<string> {
  const query = selectors.map((selector) => `match[]=${encodeURIComponent(selector)}`).join('&');
  const response = await fetch(`${url}/federate?${query}`);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return response.text();
}

test('a real Prometheus that has scraped /metrics federates the same as Sonde does', async (t) => {
  const { url, send } = await startFleet(t);
  await send(5n);
  const target = new URL(url).host;
  const prometheus = await startPrometheus(
    t,
    `global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: metrics, honor_labels: true, static_configs: [{targets: ['${target}']}]}
`,
  );
  await prometheus.waitFor('made_total{instance="b"}', (rows) => rows.length > 0);
  for (const selectors of SELECTIONS) {
    const ours = await federate(url, selectors);
    assert.deepEqual(samplesOf(ours), samplesOf(await federate(prometheus.url, selectors)), selectors.join(' and '));
    assert.notEqual(ours, '', selectors.join(' and '));
  }
  for (const wrong of ['made_total{', 'made_total{one=~"("}', 'made total']) {
    const statuses = [url, prometheus.url].map(
      async (from) => (await fetch(`${from}/federate?match[]=${encodeURIComponent(wrong)}`)).status,
    );
    assert.deepEqual(await Promise.all(statuses), [400, 400], wrong);
  }
  assert.equal(await federate(url, []), await federate(prometheus.url, []));
});

test('a real Prometheus federates Sonde: series and times are those of the hosts', async (t) => {
  const { url, send } = await startFleet(t);
  await send(5n);
  const target = new URL(url).host;
  const prometheus = await startPrometheus(
    t,
    `global: {scrape_interval: 1s}
scrape_configs:
  - job_name: sonde
    honor_labels: true
    metrics_path: /federate
    params: {'match[]': ['{__name__=~"made_.*"}', '{__name__=~"sonde_.*"}']}
    static_configs: [{targets: ['${target}']}]
`,
  );
  const of = 'made_total{one="x\\"y",instance="a"}';
  const [row] = await prometheus.waitFor(of, (rows) => rows.length > 0);
  assert.deepEqual(row?.metric, {
    __name__: 'made_total',
    instance: 'a',
    job: 'sonde',
    one: 'x"y',
    rack: 'r"1',
    two: 'z',
  });
  const [first] = await prometheus.query(`timestamp(${of})`);
  const [scraped] = await prometheus.query('timestamp(up)');
  await prometheus.waitFor('timestamp(up)', ([row]) => Number(row?.value[1]) > Number(scraped?.value[1]));
  assert.equal((await prometheus.query(`timestamp(${of})`))[0]?.value[1], first?.value[1], 'no frame, no newer sample');

  await send(9n);
  await prometheus.waitFor(of, ([newer]) => newer?.value[1] === '9');
  const [own] = await prometheus.query('sonde_frames_applied_total{body="manifest"}');
  assert.equal(own?.metric['instance'], target, "Sonde's own are the aggregator's");
});

test('what is wrong with a selector is the answer', async (t) => {
  const { url } = await startFleet(t);
  const response = await fetch(`${url}/federate?match[]=up&match[]=${encodeURIComponent('up{a=b}')}`);
  assert.equal(response.status, 400);
  assert.equal(
    await response.text(),
    'match[] at character 6: expected a value in quotes, found b\n  up{a=b}\n       ^\n',
  );
});
