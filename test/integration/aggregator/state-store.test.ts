import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { MemoryStateStore } from '../../../aggregator/state/memory-state-store.js';
import type { PartitionChange, StateStore } from '../../../aggregator/state/state-store.js';
import { SondeError } from '../../../wire/errors.js';
import { openRedisStore, startStateRedis } from '../../harness/redis-store.js';

/** What every store must do: two stores over one state are two aggregators. */
const ADAPTERS: Readonly<Record<string, (t: TestContext) => Promise<[StateStore, StateStore]>>> = {
  memory: () => {
    const store = new MemoryStateStore();
    return Promise.resolve([store, store]);
  },
  redis: async (t) => {
    const { url } = await startStateRedis(t);
    return [await openRedisStore(t, url), await openRedisStore(t, url)];
  },
};

function change(
  offset: bigint,
  put: Readonly<Record<string, string | Uint8Array>>,
  remove: string[] = [],
): PartitionChange {
  return { offset, put: new Map(Object.entries(put).map(([name, bytes]) => [name, Buffer.from(bytes)])), remove };
}

/** Sections as text, and their offset, as a new owner gets them. */
async function stored(store: StateStore, partition = 0): Promise<[bigint, Record<string, string>] | undefined> {
  const { stored } = await store.take(partition);
  if (stored === undefined) return undefined;
  const sections = [...stored.sections].map(([name, bytes]) => [name, Buffer.from(bytes).toString()] as const);
  return [stored.offset, Object.fromEntries(sections.sort())];
}

for (const [name, open] of Object.entries(ADAPTERS)) {
  test(`${name}: each owner has a larger epoch, and only the last is the owner`, async (t) => {
    const [first, second] = await open(t);
    const one = await first.take(3);
    assert.deepEqual(one, { epoch: one.epoch, stored: undefined });
    assert.ok(await first.isOwner(3, one.epoch));
    const two = await second.take(3);
    assert.ok(two.epoch > one.epoch);
    assert.ok(await second.isOwner(3, two.epoch));
    assert.ok(!(await first.isOwner(3, one.epoch)));
    // Another partition is another matter.
    assert.ok(!(await first.isOwner(4, two.epoch)));
    assert.equal((await first.take(4)).stored, undefined);
    assert.ok(await second.isOwner(3, two.epoch));
  });

  test(`${name}: what an earlier owner writes late is refused, whatever its offset`, async (t) => {
    const [first, second] = await open(t);
    const { epoch: old } = await first.take(0);
    assert.ok(await first.store(0, old, change(10n, { a: 'old' })));
    const { epoch } = await second.take(0);
    assert.equal(await first.store(0, old, change(20n, { a: 'late', b: 'late' }, ['a'])), false);
    assert.ok(await second.store(0, epoch, change(15n, { a: 'new' })));
    assert.equal(await first.store(0, old, change(30n, { a: 'later' })), false);
    assert.deepEqual(await stored(second), [15n, { a: 'new' }]);
  });

  test(`${name}: nobody owns a partition that nobody has taken`, async (t) => {
    const [store] = await open(t);
    for (const epoch of [0n, 1n]) assert.equal(await store.store(0, epoch, change(1n, { a: 'x' })), false);
    assert.equal(await stored(store), undefined);
  });

  test(`${name}: sections stay until they are put again or removed`, async (t) => {
    const [store, other] = await open(t);
    const { epoch } = await store.take(0);
    assert.ok(await store.store(0, epoch, change(1n, { a: '1', b: '1', c: '1' })));
    assert.ok(await store.store(0, epoch, change(2n, { b: '2', d: '2' }, ['c', 'never there'])));
    assert.deepEqual(await stored(other), [2n, { a: '1', b: '2', d: '2' }]);
    const { epoch: next } = await store.take(0);
    assert.ok(await store.store(0, next, change(3n, {}, ['a', 'b', 'd'])));
    assert.deepEqual(await stored(other), [3n, {}]);
  });

  test(`${name}: offsets never go back, and are compared exactly`, async (t) => {
    const [store] = await open(t);
    const { epoch } = await store.take(0);
    // As floats the last three would be one; as text the first would be the largest.
    const offsets = [0n, 9n, 10n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n];
    for (const [i, offset] of offsets.entries()) {
      assert.ok(await store.store(0, epoch, change(offset, { at: `${offset}` })), `${offset}`);
      for (const earlier of offsets.slice(0, i))
        assert.equal(
          await store.store(0, epoch, change(earlier, { at: 'earlier' })),
          false,
          `${earlier} after ${offset}`,
        );
    }
    assert.deepEqual(await stored(store), [2n ** 63n - 1n, { at: `${2n ** 63n - 1n}` }]);
  });

  test(`${name}: the same change again changes nothing`, async (t) => {
    const [store] = await open(t);
    const { epoch } = await store.take(0);
    assert.ok(await store.store(0, epoch, change(5n, { a: '1', gone: '1' })));
    const again = change(7n, { b: '2' }, ['gone']);
    for (let times = 0; times < 3; times++) assert.ok(await store.store(0, epoch, again));
    assert.deepEqual(await stored(store), [7n, { a: '1', b: '2' }]);
  });

  test(`${name}: bytes and names are kept as they are`, async (t) => {
    const [store] = await open(t);
    const { epoch } = await store.take(0);
    const every = Uint8Array.from({ length: 512 }, (_, i) => i);
    // A view in the middle of a larger buffer: what lies beside it is not part of it.
    const put = new Map<string, Uint8Array>([
      ['host%2F1/série ✓', every.subarray(100, 400)],
      ['empty', new Uint8Array()],
      ['__proto__', Buffer.from('no object’s')],
      ['offset', Buffer.from('no offset')],
      ['12', Buffer.from('no index')],
    ]);
    assert.ok(await store.store(0, epoch, { offset: 1n, put, remove: [] }));
    every.fill(0); // what was stored is a copy
    const { sections } = (await store.take(0)).stored!;
    assert.deepEqual([...sections.keys()].sort(), [...put.keys()].sort());
    const kept = Buffer.from(sections.get('host%2F1/série ✓')!);
    assert.deepEqual(kept, Buffer.from(Uint8Array.from({ length: 300 }, (_, i) => i + 100)));
    assert.equal(sections.get('empty')!.length, 0);
    assert.equal(Buffer.from(sections.get('__proto__')!).toString(), 'no object’s');
  });

  test(`${name}: large sections and many`, async (t) => {
    const [store] = await open(t);
    const { epoch } = await store.take(0);
    const [large, chunk] = [randomBytes(20 << 20), randomBytes(300)];
    const put = new Map<string, Uint8Array>([['large', large]]);
    // More than Lua can unpack at once.
    for (let i = 0; i < 20_000; i++) put.set(`host/${i}`, chunk.subarray(i % 100));
    assert.ok(await store.store(0, epoch, { offset: 1n, put, remove: [] }));
    const remove = [...put.keys()].slice(1, 10_001);
    assert.ok(await store.store(0, epoch, { offset: 2n, put: new Map(), remove }));
    const { sections } = (await store.take(0)).stored!;
    assert.equal(sections.size, 10_001);
    assert.ok(large.equals(sections.get('large')!));
    for (let i = 10_000; i < 20_000; i++) assert.ok(chunk.subarray(i % 100).equals(sections.get(`host/${i}`)!));
  });

  test(`${name}: the number of partitions is remembered, and another one refused with what to do`, async (t) => {
    const [store, other] = await open(t);
    await store.checkPartitions(8);
    await other.checkPartitions(8);
    await assert.rejects(other.checkPartitions(12), (error) => {
      assert.ok(error instanceof SondeError);
      assert.equal(error.code, 'STATE_PARTITIONS');
      assert.match(error.message, /has 12 partitions.*stored for 8.*create a topic NEW of 12 partitions/s);
      return true;
    });
    await store.checkPartitions(8);
  });
}
