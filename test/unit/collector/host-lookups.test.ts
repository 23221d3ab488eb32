import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Devices } from '../../../collector/facts/devices.js';
import { HostLookups } from '../../../collector/facts/host-lookups.js';
import type { Kallsyms } from '../../../collector/facts/kallsyms.js';

function lookups(): { lookups: HostLookups; asked: bigint[] } {
  const asked: bigint[] = [];
  const kallsyms = {
    exact: (address: bigint) => {
      asked.push(address);
      return Promise.resolve(address === 404n ? undefined : Buffer.from(`function_${address}`));
    },
  } as Kallsyms;
  const devices = { name: (dev: bigint) => Promise.resolve(`sd${dev}`) } as Devices;
  return { lookups: new HostLookups(kallsyms, devices), asked };
}

test('each question is asked and sent once; what the host does not know is left out', async () => {
  const { lookups: facts, asked } = lookups();
  for (const id of [1n, 404n, 2n, 1n]) facts.need('ksym', id);
  facts.need('majorminor', 8n);
  assert.deepEqual(await facts.take(), [
    {
      case: 'lookup',
      value: { kind: 'ksym', ids: [1n, 2n], names: [Buffer.from('function_1'), Buffer.from('function_2')] },
    },
    { case: 'lookup', value: { kind: 'majorminor', ids: [8n], names: [Buffer.from('sd8')] } },
  ]);
  facts.sent();
  facts.need('ksym', 2n);
  assert.deepEqual(await facts.take(), []);
  facts.need('ksym', 404n);
  await facts.take();
  assert.deepEqual(asked, [1n, 404n, 2n, 404n], 'an unknown one may be known by now');
});

test('what could not be sent is sent with the next frame', async () => {
  const { lookups: facts } = lookups();
  facts.need('ksym', 1n);
  assert.equal((await facts.take()).length, 1);
  assert.equal((await facts.take()).length, 1, 'not marked as sent');
});
