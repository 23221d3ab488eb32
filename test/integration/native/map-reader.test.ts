import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { native, type BpfMap, type BpfObject, type MapReader, type MapReaderOptions } from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { findMap, rejectsNative, throwsNative, u32, u64 } from '../../harness/native-assert.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

function rowsOf(map: BpfMap, reader: MapReader, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({
    key: reader.keys.slice(i * map.keySize, (i + 1) * map.keySize),
    value: reader.values.slice(i * reader.valueStride, (i + 1) * reader.valueStride),
  }));
}

async function readAll(
  map: BpfMap,
  options?: MapReaderOptions,
): Promise<{ rows: Row[]; chunks: number; mode: string }> {
  const reader = map.openReader(options);
  const rows: Row[] = [];
  let chunks = 0;
  for (let count = await reader.next(); count > 0; count = await reader.next()) {
    chunks++;
    rows.push(...rowsOf(map, reader, count));
  }
  const { mode } = reader;
  reader.close();
  return { rows, chunks, mode };
}

const asU32 = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
const asU64 = (bytes: Uint8Array): bigint => new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
const byKey = (rows: Row[]): Map<number, bigint> => new Map(rows.map(({ key, value }) => [asU32(key), asU64(value)]));

/** A per-CPU value with `of(cpu)` in each CPU's slot. */
function perCpuValue(slotBytes: number, of: (cpu: number) => Uint8Array): Uint8Array {
  const value = new Uint8Array(slotBytes * native.possibleCpus());
  for (let cpu = 0; cpu < native.possibleCpus(); cpu++) value.set(of(cpu), cpu * slotBytes);
  return value;
}

describe('map reader', { skip: skipUnlessRoot }, () => {
  let object: BpfObject;
  before(() => {
    object = native.open(compileFixture('maps'));
    object.load();
  });
  after(() => object.close());
  const map = (name: string): BpfMap => findMap(object, name);

  it('reads a hash of 40,000 rows in chunks, each row once', async () => {
    for (let i = 0; i < 40_000; i++) map('hash').update(u32(i), u64(BigInt(i) * 3n));
    const { rows, chunks, mode } = await readAll(map('hash'));
    assert.equal(mode, 'batch');
    assert.ok(chunks >= 3, `${chunks} chunks`);
    assert.equal(rows.length, 40_000);
    const values = byKey(rows);
    for (let i = 0; i < 40_000; i++) assert.equal(values.get(i), BigInt(i) * 3n);
  });

  it('starts anew after the end, on the calling thread too', () => {
    const reader = map('hash').openReader({ chunkRows: 10_000 });
    for (let walk = 0; walk < 2; walk++) {
      let total = 0;
      for (let count = reader.nextSync(); count > 0; count = reader.nextSync()) total += count;
      assert.equal(total, 40_000);
    }
    reader.close();
  });

  it('reads an empty map', async () => {
    assert.deepEqual(await readAll(map('lru_percpu_hash')), { rows: [], chunks: 0, mode: 'batch' });
    assert.deepEqual(await readAll(map('lpm_trie')), { rows: [], chunks: 0, mode: 'walk' });
  });

  it('enlarges its buffers when one bucket has more rows than fit', async () => {
    for (let i = 0; i < 512; i++) map('colliding').update(u64(BigInt(i)), u64(BigInt(i)));
    const reader = map('colliding').openReader({ chunkRows: 1 });
    assert.equal(reader.keys.length, 8);
    const seen = new Set<bigint>();
    for (let count = await reader.next(); count > 0; count = await reader.next()) {
      assert.ok(count * 8 <= reader.keys.length);
      for (const { key, value } of rowsOf(map('colliding'), reader, count)) {
        assert.equal(asU64(key), asU64(value));
        assert.ok(!seen.has(asU64(key)));
        seen.add(asU64(key));
      }
    }
    assert.equal(seen.size, 512);
    assert.ok(reader.keys.length > 8, 'of 512 rows in 512 buckets some share one');
    reader.close();
  });

  it('reads an LRU hash and an array', async () => {
    for (let i = 0; i < 100; i++) map('lru_hash').update(u32(i), u64(BigInt(i) + 1n));
    const lru = await readAll(map('lru_hash'));
    assert.deepEqual([lru.mode, byKey(lru.rows).size, byKey(lru.rows).get(99)], ['batch', 100, 100n]);
    map('array').update(u32(42), u64(7n));
    const array = await readAll(map('array'), { chunkRows: 33 });
    assert.deepEqual([array.mode, array.chunks, array.rows.length], ['batch', 4, 100]);
    assert.equal(byKey(array.rows).get(42), 7n);
    assert.equal(byKey(array.rows).get(41), 0n);
  });

  for (const name of ['percpu_hash', 'lru_percpu_hash']) {
    it(`${name}: folds CPUs into a sum, or keeps them`, async () => {
      const value = (i: number): Uint8Array =>
        perCpuValue(8, (cpu) => u64(BigInt(i) * 1000n + BigInt(cpu) + (1n << 40n)));
      for (let i = 0; i < 50; i++) map(name).update(u32(i), value(i));
      const folded = byKey((await readAll(map(name))).rows);
      const cpus = BigInt(native.possibleCpus());
      for (let i = 0; i < 50; i++) {
        assert.equal(folded.get(i), cpus * (BigInt(i) * 1000n + (1n << 40n)) + (cpus * (cpus - 1n)) / 2n);
      }
      const kept = await readAll(map(name), { perCpu: 'keep' });
      assert.equal(kept.rows.length, 50);
      for (const row of kept.rows) assert.deepEqual(row.value, value(asU32(row.key)));
    });
  }

  it('gives each CPU a row, whose key ends with its number, whatever a chunk holds', () => {
    const cpus = native.possibleCpus();
    const hash = map('percpu_hash');
    for (let i = 0; i < 50; i++)
      hash.update(
        u32(i),
        perCpuValue(8, (cpu) => u64(BigInt(1000 * i + cpu))),
      );
    const reader = hash.openReader({ perCpu: 'split', chunkRows: 16 });
    const found = new Map<string, bigint>();
    for (let rows = reader.nextSync(); rows > 0; rows = reader.nextSync()) {
      const keys = new DataView(reader.keys.buffer, reader.keys.byteOffset);
      const values = new DataView(reader.values.buffer, reader.values.byteOffset);
      for (let row = 0; row < rows; row++) {
        const name = `${keys.getUint32(row * 6, true)}/${keys.getUint16(row * 6 + 4, true)}`;
        assert.ok(!found.has(name), `${name} came twice`);
        found.set(name, values.getBigUint64(row * 8, true));
      }
    }
    reader.close();
    assert.equal(found.size, 50 * cpus);
    for (let i = 0; i < 50; i++)
      for (let cpu = 0; cpu < cpus; cpu++) assert.equal(found.get(`${i}/${cpu}`), BigInt(1000 * i + cpu));
  });

  it('sums a per-CPU value of 4 bytes in 64 bits', async () => {
    map('percpu_array').update(
      u32(3),
      perCpuValue(8, () => u32(0xffff_ffff)),
    );
    const { rows, mode } = await readAll(map('percpu_array'));
    assert.equal(mode, 'batch');
    assert.equal(rows.length, 100);
    assert.equal(rows[0]?.value.length, 8);
    assert.equal(byKey(rows).get(3), 0xffff_ffffn * BigInt(native.possibleCpus()));
    assert.equal(byKey(rows).get(4), 0n);
  });

  it('folds the members of a struct as asked, each to 64 bits', async () => {
    const slot = (cpu: number): Uint8Array => {
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      view.setBigUint64(0, 5n + BigInt(cpu), true);
      view.setInt32(8, cpu === 0 ? 3 : -9, true);
      view.setUint16(12, cpu === 0 ? 0xfff0 : 7, true);
      view.setUint8(14, 200);
      return bytes;
    };
    map('percpu_struct').update(u32(1), perCpuValue(16, slot));
    const { rows } = await readAll(map('percpu_struct'), {
      fold: [
        { offset: 0, size: 8, op: 'sum' },
        { offset: 8, size: 4, op: 'min', signed: true },
        { offset: 12, size: 2, op: 'max' },
        { offset: 14, size: 1, op: 'sum' },
        { offset: 8, size: 4, op: 'sum', signed: true },
        { offset: 8, size: 4, op: 'max', signed: true },
      ],
    });
    const cpus = native.possibleCpus();
    const others = BigInt(cpus - 1);
    assert.equal(rows.length, 1);
    assert.deepEqual(
      [...new BigInt64Array(rows[0]!.value.slice().buffer)],
      [
        BigInt(5 * cpus + (cpus * (cpus - 1)) / 2),
        cpus > 1 ? -9n : 3n,
        0xfff0n,
        BigInt(200 * cpus),
        3n - 9n * others,
        3n,
      ],
    );
  });

  it('refuses folds and options that make no sense', () => {
    const struct = map('percpu_struct');
    throwsNative(() => struct.openReader({ fold: [{ offset: 9, size: 8, op: 'sum' }] }), {
      code: 'INVALID_ARGUMENT',
      map: 'percpu_struct',
    });
    throwsNative(() => struct.openReader({ fold: [{ offset: 0, size: 3 as 4, op: 'sum' }] }), {
      code: 'INVALID_ARGUMENT',
    });
    throwsNative(() => struct.openReader({ fold: [{ offset: 0, size: 4, op: 'avg' as 'sum' }] }), {
      code: 'INVALID_ARGUMENT',
    });
    throwsNative(() => struct.openReader({ chunkRows: 0 }), { code: 'INVALID_ARGUMENT' });
    throwsNative(() => struct.openReader({ perCpu: 'drop' as 'keep' }), { code: 'INVALID_ARGUMENT' });
  });

  it('walks an LPM trie key by key', async () => {
    for (let i = 0; i < 300; i++)
      map('lpm_trie').update(new Uint8Array([32, 0, 0, 0, 10, 0, i >> 8, i & 255]), u64(BigInt(i)));
    const { rows, mode, chunks } = await readAll(map('lpm_trie'), { chunkRows: 64 });
    assert.deepEqual([mode, chunks, rows.length], ['walk', 5, 300]);
    assert.equal(new Set(rows.map(({ value }) => asU64(value))).size, 300);
  });

  it('walks maps of maps: only slots that hold one', async () => {
    const hash = await readAll(map('hash_of_maps'));
    assert.deepEqual(hash.rows.map(({ key }) => asU32(key)).sort(), [1, 7]);
    const array = await readAll(map('array_of_maps'));
    assert.deepEqual(
      array.rows.map(({ key, value }) => [asU32(key), asU32(value)]),
      [
        [2, map('inner_a').id],
        [5, map('inner_b').id],
      ],
    );
  });

  it('walks an empty stack trace map', async () => {
    assert.deepEqual(await readAll(map('stack_trace')), { rows: [], chunks: 0, mode: 'walk' });
  });

  for (const name of ['task_storage', 'ring', 'queue']) {
    it(`${name}: says that it cannot be walked`, () => {
      throwsNative(() => map(name).openReader(), { code: 'NOT_WALKABLE', object: 'maps', map: name });
    });
  }

  it('takes one call at a time and rejects after close', async () => {
    const reader = map('hash').openReader();
    const first = reader.next();
    await rejectsNative(reader.next(), { code: 'BUSY', map: 'hash' });
    throwsNative(() => reader.nextSync(), { code: 'BUSY' });
    assert.ok((await first) > 0);
    reader.close();
    reader.close();
    await rejectsNative(reader.next(), { code: 'CLOSED', map: 'hash', operation: 'read' });
    throwsNative(() => reader.nextSync(), { code: 'CLOSED' });
  });

  it('rejects a read under way with CLOSED when it is closed', async () => {
    const reader = map('hash').openReader();
    const read = reader.next();
    reader.close();
    await rejectsNative(read, { code: 'CLOSED', map: 'hash' });
  });
});
