import test from 'node:test';
import { showBrokerAway } from '../harness/fleet/broker-away.js';

test('a broker that is away for three minutes, five times, while 2,000 records a second flow', (t) =>
  showBrokerAway(t, { rounds: 5, awayMs: 180_000, recordsPerSecond: 2000 }));
