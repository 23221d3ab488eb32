import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { hostFacts, hostIdentity } from '../../../collector/facts/host.js';

test('who a host is, is its own hash unless a person says it', async () => {
  const own = await hostIdentity();
  assert.match(own.hostId, /^[0-9a-f]{32}$/);
  assert.deepEqual(await hostIdentity(), own);
  assert.deepEqual(await hostIdentity({ id: 'r7-3' }), { ...own, hostId: 'r7-3' });
});

test('name and labels are what a person says, else the system’s and none', () => {
  const given = hostFacts(2, '1', { name: 'db-1', labels: { rack: 'r7' } });
  assert.deepEqual([given.hostname, given.labels], ['db-1', { rack: 'r7' }]);
  const own = hostFacts(2, '1');
  assert.deepEqual([own.hostname, own.labels], [hostname(), {}]);
});
