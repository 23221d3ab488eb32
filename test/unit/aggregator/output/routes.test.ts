import assert from 'node:assert/strict';
import test from 'node:test';
import { Registry } from 'prom-client';
import { registerFederateRoute, registerMetricsRoute } from '../../../../aggregator/output/prometheus/routes.js';
import { createWebServer } from '../../../../lib/web-server.js';

test('a scrape waits for partitions on their way, for less than its own time, and only then for fresh values', async (t) => {
  const asked: string[] = [];
  const sources = {
    aggregator: {
      shownHosts: () => [],
      partitions: () => [],
      settled: (timeoutMs: number) => {
        asked.push(`settled ${timeoutMs}`);
        return Promise.resolve();
      },
    },
    refresh: {
      refresh: () => {
        asked.push('refresh');
        return Promise.resolve();
      },
    },
    registry: new Registry(),
    metricPrefix: '',
  };
  const server = createWebServer();
  t.after(() => server.close());
  registerMetricsRoute(server, { ...sources, path: '/metrics' });
  registerFederateRoute(server, sources);
  for (const [seconds, expected] of [
    [undefined, 3000],
    ['10', 3000],
    ['1.5', 750],
    ['nonsense', 3000],
    ['-1', 3000],
  ] as const) {
    for (const url of ['/metrics', '/federate?match[]=up']) {
      const headers = seconds === undefined ? {} : { 'x-prometheus-scrape-timeout-seconds': seconds };
      const { statusCode } = await server.inject({ url, headers });
      assert.equal(statusCode, 200);
      assert.deepEqual(asked.splice(0), [`settled ${expected}`, 'refresh']);
    }
  }
});

test('64 scrapes at once are answered; who asks beyond is told to come back, and is answered then', async (t) => {
  const server = createWebServer();
  t.after(() => server.close());
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const aggregator = { shownHosts: () => [], partitions: () => [], settled: () => Promise.resolve() };
  const refresh = { refresh: () => released };
  registerMetricsRoute(server, { aggregator, refresh, registry: new Registry(), metricPrefix: '', path: '/metrics' });
  const url = `${await server.listen({ host: '127.0.0.1', port: 0 })}/metrics`;
  const status = async (): Promise<number> => {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    return answer.status;
  };

  let refused = 0;
  const all = Array.from({ length: 65 }, async () => {
    const answer = await fetch(url);
    if (answer.status === 503) {
      refused++;
      assert.equal(answer.headers.get('retry-after'), '1');
      release();
    }
    await answer.arrayBuffer();
    return answer.status;
  });
  const statuses = await Promise.all(all);
  assert.equal(refused, 1);
  assert.equal(statuses.filter((code) => code === 200).length, 64);
  assert.equal(await status(), 200);
});
