import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCgroupIdMap } from '../../../collector/probe/check-cgroup-id-map.js';
import type { BpfMap, BpfObject } from '../../../native/types.js';
import type { ProbeConfig } from '../../../wire/config/schema.js';

type Shape = Pick<BpfMap, 'name' | 'type' | 'keySize' | 'valueSize'>;

/** What is wrong with a map `chosen` of this shape; undefined: nothing. */
function problem(type: 'hash' | 'cgrp_storage', ...maps: Shape[]): string | undefined {
  const config = { file: 'c.yaml', cgroupIdMap: { name: 'chosen', type, regexps: [] } } as unknown as ProbeConfig;
  try {
    checkCgroupIdMap(config, { maps } as unknown as BpfObject);
    return undefined;
  } catch (error) {
    assert.equal((error as { code: string }).code, 'OBJECT_MISMATCH');
    return (error as Error).message.replace('c.yaml: cgroup_id_map: ', '');
  }
}

function chosen(type: string, keySize: number, valueSize = 8): Shape {
  return { name: 'chosen', type, keySize, valueSize };
}

test('the map of a cgroup_id_map must be there, of its type, with keys and values of its sizes', () => {
  assert.equal(problem('hash', chosen('hash', 8)), undefined);
  assert.equal(problem('cgrp_storage', chosen('cgrp_storage', 4)), undefined);
  assert.equal(
    problem('hash', { ...chosen('hash', 8), name: 'choosen' }),
    'no map chosen in the object (it has choosen); did you mean choosen?',
  );
  assert.equal(
    problem('hash', chosen('cgrp_storage', 4)),
    'map chosen is of type cgrp_storage, not hash; write type: cgrp_storage',
  );
  assert.equal(
    problem('cgrp_storage', chosen('array', 4)),
    'map chosen is of type array, not cgrp_storage; name a map of type cgrp_storage',
  );
  assert.equal(
    problem('hash', chosen('hash', 4)),
    'map chosen has keys of 4 and values of 8 bytes, and a hash needs 8 and 8; change its types in the program',
  );
  assert.match(problem('cgrp_storage', chosen('cgrp_storage', 4, 4))!, /values of 4 bytes, and a cgrp_storage needs 4/);
});
