import test from 'node:test';
import { showExactness } from '../harness/fleet/exactness.js';

test('a fleet under fire: totals stay exact, nothing falls, the ledger adds up', (t) =>
  showExactness(t, {
    seed: 4,
    hosts: 20,
    simulators: 2,
    seriesPerHost: 100,
    eventsPerSecond: 2000,
    partitions: 6,
    aggregators: 3,
    misfortunes: 7,
  }));
