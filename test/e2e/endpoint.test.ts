import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import test, { type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { total } from '../harness/kernel-metrics.js';
import { readOpenMetrics } from '../harness/openmetrics.js';
import { configFolder, startSonde, type Sonde } from '../harness/sonde.js';
import { assertForPeople } from './assert-refused.js';

const MANY = `metrics:
  counters:
    - name: test_many_total
      help: 200,000 rows
      labels: [{name: row, size: 4, decoders: [{name: uint}]}]
`;
const MANY_ROWS = 200_000;
/** Of a scrape with it. */
const MANY_BYTES = 6_000_000;

/** Accept headers as Prometheus sends them, and what it must get. */
const ACCEPT: readonly [string, string, 'text' | 'openmetrics'][] = [
  [
    '2.42 (Debian 12)',
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  // Here is no native histogram, which alone would need protobuf: see native-histograms.test.ts.
  [
    '2.53 with native histograms',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [
    '3',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    'openmetrics',
  ],
  ['3 with PrometheusText0.0.4', 'text/plain;version=0.0.4;q=0.6,*/*;q=0.5', 'text'],
  [
    '1.8',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3',
    'text',
  ],
  [
    'a client of another protobuf message',
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text,text/plain;version=0.0.4;q=0.3',
    'text',
  ],
  ['curl', '*/*', 'text'],
  ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
];

test('what is scraped from the default probes is what Prometheus takes', async (t) => {
  const sonde = await startSonde(t, []);

  await t.test('promtool takes the text format', async () => {
    const text = await (await fetch(`${sonde.url}/metrics`)).text();
    assert.ok(text.includes('ebpf_exporter_timer_starts_total{'), 'something is counted');
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    // Status 3: it parses, and a name is against the conventions. These are names that ebpf_exporter's users know.
    const lint = (stdout + stderr)
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    const known = lint.filter((line) =>
      /^ebpf_exporter_ebpf_program_run_time_seconds counter metrics should have "_total" suffix$/.test(line),
    );
    assert.deepEqual(lint, known);
    assert.equal(status, known.length > 0 ? 3 : 0);
  });

  for (const [client, accept, format] of ACCEPT) {
    await t.test(`${client} gets ${format}`, async () => {
      const response = await fetch(`${sonde.url}/metrics`, { headers: { accept } });
      const type = response.headers.get('content-type');
      const text = await response.text();
      if (format === 'text') {
        assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8');
        assert.doesNotMatch(text, /# EOF/);
        assert.match(text, /^# TYPE ebpf_exporter_timer_starts_total counter$/m);
        return;
      }
      assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
      const families = readOpenMetrics(text);
      assert.equal(families.get('ebpf_exporter_timer_starts')?.type, 'counter');
      assert.equal(families.get('ebpf_exporter_softirq_service_latency_seconds')?.type, 'histogram');
      assert.equal(families.get('sonde_polls')?.type, 'counter');
    });
  }

  await t.test('gzip when asked for, and only then', async () => {
    const plain = await raw(sonde, {});
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.match(plain.headers['vary'] ?? '', /accept-encoding/);
    const zipped = await raw(sonde, { 'accept-encoding': 'gzip' });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.ok(zipped.body.length < plain.body.length / 2);
    assert.match(gunzipSync(zipped.body).toString(), /^ebpf_exporter_timer_starts_total\{/m);
    assert.equal((await raw(sonde, { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding'], undefined);
    assert.equal((await raw(sonde, { 'accept-encoding': '*' })).headers['content-encoding'], undefined);
  });

  await t.test('HEAD has the headers and no body', async () => {
    const response = await fetch(`${sonde.url}/metrics`, { method: 'HEAD' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(await response.text(), '');
  });

  await t.test('pages and paths', async () => {
    const page = await fetch(sonde.url);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    const html = await page.text();
    for (const words of ['href="/metrics"', 'timers', 'softirq-latency', 'href="/healthz"'])
      assert.ok(html.includes(words), words);
    for (const path of ['/healthz', '/readyz']) assert.equal((await fetch(sonde.url + path)).status, 200, path);
    for (const path of ['/metricsx', '/nothing', '/../etc/passwd', '/%', '/metrics/']) {
      const answer = await raw(sonde, {}, path);
      assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`);
      assert.doesNotMatch(answer.body.toString(), /\bat .*:\d+/, path);
    }
    assert.equal((await fetch(`${sonde.url}/metrics`, { method: 'POST', body: 'x' })).status, 404);
  });

  await t.test('bytes that are no request are answered with 400', async () => {
    const socket = connect(Number(new URL(sonde.url).port), '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    await once(socket, 'close');
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal((await fetch(`${sonde.url}/healthz`)).status, 200);
  });

  assert.equal(await sonde.stop(), 0);
  assertForPeople(sonde.stderr());
});

test('a large scrape', async (t) => {
  const sonde = await startMany(t);
  const whole = await (await fetch(`${sonde.url}/metrics`)).text();
  assert.equal(whole.match(/^ebpf_exporter_test_many_total\{/gm)?.length, MANY_ROWS);
  assert.ok(whole.length > MANY_BYTES);

  await t.test('clients that hang up half-way leave nothing behind', async () => {
    const open = descriptors(sonde);
    // More than may be under way at a time: each that was not given back would be missing in the end.
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 16 }, (_, i) => hangUp(sonde, i % 2 === 0 ? 'gzip' : 'identity')));
    }
    const again = await (await fetch(`${sonde.url}/metrics`)).text();
    assert.equal(again.match(/^ebpf_exporter_test_many_total\{/gm)?.length, MANY_ROWS);
    await until(() => descriptors(sonde) <= open + 2, 'sockets of the clients are still open');
    assertForPeople(sonde.stderr());
  });

  await t.test('50 at once share their reads', async () => {
    const before = total(await sonde.scrape(), 'sonde_polls_total', { reason: 'scrape' });
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await fetch(`${sonde.url}/metrics`, { headers: { 'accept-encoding': 'identity' } });
        let bytes = 0;
        for await (const chunk of response.body!) bytes += (chunk as Uint8Array).length;
        return [response.status, bytes > MANY_BYTES] as const;
      }),
    );
    assert.deepEqual(new Set(answers.map(String)), new Set(['200,true']));
    const after = total(await sonde.scrape(), 'sonde_polls_total', { reason: 'scrape' });
    // One of them is this last scrape's own.
    assert.ok(after - before - 1 <= 2, `${after - before - 1} reads for 50 scrapes`);
    assert.ok(after - before >= 2);
  });

  assert.equal(await sonde.stop(), 0);
});

function startMany(t: TestContext): Promise<Sonde> {
  return startSonde(t, ['--config.dir', configFolder(t, { many: { yaml: MANY, object: 'kinds' } })]);
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]> & { 'content-encoding'?: string; vary?: string };
  readonly body: Buffer;
}

/** A request with these headers and no others; the path goes out as it is. */
async function raw(sonde: Sonde, headers: Record<string, string>, path = '/metrics'): Promise<Answer> {
  const { port } = new URL(sonde.url);
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Answer['headers'],
          body: Buffer.concat(chunks),
        });
      });
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

/** Asks for the metrics and closes the connection when the first bytes come. */
async function hangUp(sonde: Sonde, encoding: string): Promise<void> {
  const socket = connect(Number(new URL(sonde.url).port), '127.0.0.1');
  socket.on('error', () => undefined); // reset by the server's own close: as meant
  socket.write(`GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\n\r\n`);
  await once(socket, 'data');
  socket.resetAndDestroy();
  await once(socket, 'close');
}

function descriptors(sonde: Sonde): number {
  return readdirSync(`/proc/${sonde.pid}/fd`).length;
}

async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 50, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
