import test from 'node:test';
import { skipUnlessRoot } from '../harness/privileged.js';
import { showBrokerAway } from '../harness/fleet/broker-away.js';

test('a broker that is away for longer than the spool lasts', { skip: skipUnlessRoot }, (t) =>
  showBrokerAway(t, { rounds: 1, awayMs: 8000, recordsPerSecond: 10_000 }),
);
