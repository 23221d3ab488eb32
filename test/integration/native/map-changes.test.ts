import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { native, type BpfMap, type BpfObject } from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { findMap, u32, u64 } from '../../harness/native-assert.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

/** How often each key came, with `change` called after every chunk. */
function timesSeen(map: BpfMap, chunkRows: number, change: (chunk: number) => void): Map<string, number> {
  const reader = map.openReader({ chunkRows });
  const times = new Map<string, number>();
  let chunk = 0;
  for (let rows = reader.nextSync(); rows > 0; rows = reader.nextSync()) {
    for (let i = 0; i < rows; i++) {
      const key = Buffer.from(reader.keys.subarray(i * map.keySize, (i + 1) * map.keySize)).toString('hex');
      times.set(key, (times.get(key) ?? 0) + 1);
    }
    change(chunk++);
  }
  reader.close();
  return times;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('a map that changes while it is read', { skip: skipUnlessRoot }, () => {
  let object: BpfObject;
  before(() => {
    object = native.open(compileFixture('maps'));
    object.load();
  });
  after(() => object.close());

  it('hash in batches: every row that lived throughout comes exactly once', () => {
    const map = findMap(object, 'hash');
    const steady = Array.from({ length: 5000 }, (_, i) => u32(i));
    for (const key of steady) map.update(key, u64(1n));
    let fleeting = 1_000_000;
    for (let round = 0; round < 5; round++) {
      const times = timesSeen(map, 256, () => {
        for (let i = 0; i < 200; i++) map.update(u32(fleeting + i), u64(2n));
        for (let i = -100; i < 100; i++) map.delete(u32(fleeting + i));
        fleeting += 200;
      });
      assert.deepEqual(new Set(steady.map((key) => times.get(hex(key)))), new Set([1]));
    }
  });

  it('trie key by key: a key deleted under the cursor neither ends the walk nor repeats rows', () => {
    const map = findMap(object, 'lpm_trie');
    const key = (i: number): Uint8Array => new Uint8Array([32, 0, 0, 0, 10, 1, i >> 8, i & 255]);
    for (let i = 0; i < 200; i++) map.update(key(i), u64(BigInt(i)));
    const reader = map.openReader({ chunkRows: 1 });
    const seen: string[] = [];
    const deleted = new Set<string>();
    for (let rows = reader.nextSync(); rows > 0; rows = reader.nextSync()) {
      seen.push(hex(reader.keys.subarray(0, 8)));
      // Every tenth: the very key that the cursor stands on.
      if (seen.length % 10 === 0) {
        map.delete(reader.keys.slice(0, 8));
        deleted.add(hex(reader.keys.subarray(0, 8)));
      }
    }
    reader.close();
    assert.equal(deleted.size, 20);
    assert.equal(seen.length, 200);
    assert.equal(new Set(seen).size, 200);
  });

  it('trie key by key: a walk that cannot keep up ends with an error, not silently or never', () => {
    const map = findMap(object, 'lpm_trie');
    const key = (i: number): Uint8Array => new Uint8Array([32, 0, 0, 0, 10, 2, i >> 8, i & 255]);
    for (let i = 0; i < 500; i++) map.update(key(i), u64(BigInt(i)));
    const reader = map.openReader({ chunkRows: 1 });
    assert.throws(
      () => {
        for (let i = 0; i < 100_000; i++) {
          reader.nextSync();
          const current = reader.keys.slice(0, 8);
          // The cursor's key goes, so the kernel starts over; a new one comes, so there always is one to deliver.
          map.delete(current);
          map.update(new Uint8Array([32, 0, 0, 0, 11, i >> 16, (i >> 8) & 255, i & 255]), u64(0n));
        }
      },
      { name: 'NativeError', code: 'EAGAIN', map: 'lpm_trie' },
    );
    // The next call begins a new walk.
    assert.equal(reader.nextSync(), 1);
    reader.close();
  });
});
