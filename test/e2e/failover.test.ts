import test from 'node:test';
import { showFailover } from '../harness/fleet/failover.js';

test("a dead aggregator's hosts are served by another within its session timeout + 5 s", (t) =>
  showFailover(t, {
    seed: 5,
    hosts: 20,
    seriesPerHost: 50,
    partitions: 6,
    aggregators: 2,
    sessionTimeoutMs: 6000,
    kills: 1,
  }));
