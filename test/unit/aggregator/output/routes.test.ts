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
