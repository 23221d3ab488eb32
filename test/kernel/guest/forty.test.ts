import assert from 'node:assert/strict';
import { release } from 'node:os';
import { forwardPort, joinHost } from '../../harness/guest-network.js';
import { writePciIds } from '../format/decoders.js';
import { fortyTests } from '../format/forty.js';

const {
  SONDE_TEST_BROKER_PORT: brokerPort,
  SONDE_TEST_AGGREGATOR_PORT: aggregatorPort,
  SONDE_TEST_HOST: name,
} = process.env;

/** What 6.1 does not take, which has neither kind. */
const REFUSED_BY_6_1 = {
  'cgroup-storage/on_child':
    'map stored of type cgrp_storage cannot be made: Invalid argument (EINVAL), as for a type that this kernel does not know',
  'kprobe-multi/by_kprobe_multi': 'kprobe.multi is not supported by this kernel',
  'kprobe-multi/by_kretprobe_multi': 'kretprobe.multi is not supported by this kernel',
};

/** Run by `../vm.test.ts` in guests, with a broker and an aggregator on the machine that they run on. */
writePciIds();
fortyTests(release().startsWith('6.1.') ? REFUSED_BY_6_1 : {}, async (t) => {
  assert.ok(brokerPort !== undefined && aggregatorPort !== undefined && name !== undefined, 'started by vm.test.ts');
  joinHost();
  const forwards = [await forwardPort(Number(brokerPort)), await forwardPort(Number(aggregatorPort))];
  t.after(() => forwards.forEach((close) => close()));
  const [broker, aggregator] = [`127.0.0.1:${brokerPort}`, `http://127.0.0.1:${aggregatorPort}`];
  return { broker, aggregator, instance: `${name}-forty` };
});
