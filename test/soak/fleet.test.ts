import test from 'node:test';
import { showExactness } from '../harness/fleet/exactness.js';
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
