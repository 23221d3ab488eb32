import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { command, startCommands } from '../harness/bpf-fixture.js';
import { freePort } from '../harness/free-port.js';

const START_TIMEOUT_MS = 20_000;

test('a real Prometheus scrapes it and finds the series', async (t) => {
  const sonde = await startCommands(t);
  command('hash', 42, 23);
  command('hashHigh', 43, 2 ** 20);
  const prometheus = await startPrometheus(t, new URL(sonde.url).host);

  const [up] = await prometheus.rows('up{job="sonde"}');
  assert.equal(up?.value[1], '1');
  const rows = await prometheus.rows('ebpf_exporter_test_rows_total');
  assert.deepEqual(rows.map(({ metric, value }) => [metric['key'], value[1]]).sort(), [
    ['42', '23'],
    ['43', String(2 ** 52)],
  ]);
  const [enabled] = await prometheus.rows('ebpf_exporter_enabled_configs{name="commands"}');
  assert.equal(enabled?.value[1], '1');
  // It keeps what a counter is: OpenMetrics' family without _total.
  assert.equal(await prometheus.typeOf('ebpf_exporter_test_rows'), 'counter');
});

interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Prometheus {
  rows(query: string): Promise<Row[]>;
  typeOf(metric: string): Promise<string | undefined>;
}

/** Starts Debian's Prometheus with one target, and resolves when it has scraped it. */
async function startPrometheus(t: TestContext, target: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-prometheus-'));
  const config = `global: {scrape_interval: 1s}\nscrape_configs: [{job_name: sonde, static_configs: [{targets: ['${target}']}]}]\n`;
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=${address}`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://${address}/api/v1/${path}`);
    return ((await response.json()) as { data: unknown }).data;
  };
  const rows = async (query: string): Promise<Row[]> =>
    ((await api(`query?query=${encodeURIComponent(query)}`)) as { result: Row[] }).result;
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const [up] = await rows('up').catch(() => []); // it does not listen yet
    if (up !== undefined) break;
    assert.ok(Date.now() < deadline && child.exitCode === null, `no scrape:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    rows,
    typeOf: async (metric) => {
      const metadata = (await api(`metadata?metric=${metric}`)) as Record<string, { type: string }[]>;
      return metadata[metric]?.[0]?.type;
    },
  };
}
