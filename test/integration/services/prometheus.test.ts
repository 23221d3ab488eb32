import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { startPrometheus } from '../../services/prometheus.js';

test('it scrapes what its configuration says, and has it yet after kill -9', async (t) => {
  const target = createServer((_, response) => response.end('answers_total 23\n')).listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => target.close().closeAllConnections());
  const { port } = target.address() as AddressInfo;
  const job = `{job_name: test, scrape_interval: 1s, static_configs: [{targets: ['127.0.0.1:${port}']}]}`;
  const prometheus = await startPrometheus(t, `scrape_configs: [${job}]\n`);
  const rows = await prometheus.waitFor('answers_total', ({ length }) => length === 1);
  assert.equal(rows[0]!.value[1], '23');
  await assert.rejects(prometheus.query('answers_total{'), /refuses.*parse error/);

  await prometheus.kill();
  await assert.rejects(prometheus.query('up'));
  await prometheus.restart();
  const range = (await prometheus.api('query?query=count_over_time(answers_total[1h])')) as { result: unknown[] };
  assert.equal(range.result.length, 1);
  await prometheus.stop();
});
