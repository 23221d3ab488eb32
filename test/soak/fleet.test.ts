import test from 'node:test';
import { showExactness } from '../harness/fleet/exactness.js';
import { showFailover } from '../harness/fleet/failover.js';
import { freshSeed } from '../harness/seed.js';

test('a fleet under fire: 200 hosts, three brokers, three aggregators', (t) =>
  showExactness(t, {
    seed: freshSeed(t),
    hosts: 200,
    simulators: 5,
    seriesPerHost: 200,
    eventsPerSecond: 20_000,
    partitions: 12,
    aggregators: 3,
    misfortunes: 35,
  }));

test("dead aggregators' hosts are served by others within the session timeout + 5 s: 200 hosts, as set by default", (t) =>
  showFailover(t, {
    seed: freshSeed(t),
    nodes: 3,
    hosts: 200,
    seriesPerHost: 200,
    partitions: 12,
    aggregators: 3,
    sessionTimeoutMs: 10_000,
    kills: 6,
  }));
