import test from 'node:test';
import { showInfluxExactness } from '../harness/fleet/influx-exactness.js';
import { freshSeed } from '../harness/seed.js';

test('an aggregator that is killed 30 times while InfluxDB fails writes just what one that is not does', async (t) => {
  await showInfluxExactness(t, { seed: freshSeed(t), kills: 30 });
});
