import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowColumns } from '../../../collector/source/row-columns.js';
import { RowTracker } from '../../../collector/source/row-tracker.js';
import { MapRowsState } from '../../../aggregator/series/map-rows.js';
import { RowDecoder } from '../../../aggregator/series/row-decoder.js';
import { Family } from '../../../aggregator/series/family.js';
import { Facts } from '../../../aggregator/decode/facts.js';
import { unpackU32 } from '../../../wire/frame.js';
import { forSeeds } from '../../harness/seed.js';
import { randomInteger } from '../../../lib/random.js';

const KEY_SIZE = 4;

/** A kernel map as the collector sees it. */
class FakeMap {
  readonly rows = new Map<number, bigint>();

  read(tracker: RowTracker, columns: RowColumns, keyframe = false): void {
    const keys = Uint32Array.from(this.rows.keys());
    const values = new Uint32Array(
      [...this.rows.values()].flatMap((value) => [Number(value & 0xffffffffn), Number(value >> 32n)]),
    );
    const bytes = new Uint8Array(keys.buffer);
    tracker.beginSweep();
    assert.equal(tracker.take({ keys: bytes, values, count: keys.length }, 0, keyframe, columns), keys.length);
    tracker.endSweep();
    for (const slot of [...tracker.vanished()]) tracker.appendVanished(slot, columns);
  }
}

function tracked(restartsWhenLower = true): { map: FakeMap; tracker: RowTracker; columns: RowColumns } {
  const tracker = new RowTracker({ keySize: KEY_SIZE, restartsWhenLower, maxVanished: 1000 });
  return { map: new FakeMap(), tracker, columns: new RowColumns(KEY_SIZE, 1 << 20) };
}

function rowsOf(columns: RowColumns): { slot: number; generation: number; vanished: number }[] {
  return Array.from({ length: columns.count }, (_, i) => ({
    slot: columns.slots[i]!,
    generation: columns.generations[i]!,
    vanished: columns.vanished[i]!,
  }));
}

test('only what changed since the last acknowledged frame is sent', () => {
  const { map, tracker, columns } = tracked();
  map.rows.set(1, 10n).set(2, 20n);
  map.read(tracker, columns);
  assert.equal(columns.count, 2);
  columns.clear(); // not acknowledged
  map.read(tracker, columns);
  assert.equal(columns.count, 2, 'sent again');
  tracker.acknowledge(columns);
  columns.clear();
  map.read(tracker, columns);
  assert.equal(columns.count, 0);
  map.rows.set(2, 21n);
  map.read(tracker, columns);
  assert.deepEqual(rowsOf(columns), [{ slot: 1, generation: 1, vanished: 0 }]);
  columns.clear();
  map.read(tracker, columns, true);
  assert.equal(columns.count, 2, 'a keyframe has all rows');
});

test('a row that vanished is sent with its last value until acknowledged, then its slot is used again', () => {
  const { map, tracker, columns } = tracked();
  map.rows.set(1, 10n);
  map.read(tracker, columns);
  tracker.acknowledge(columns);
  map.rows.clear();
  for (let poll = 0; poll < 2; poll++) {
    columns.clear();
    map.read(tracker, columns);
    assert.deepEqual(rowsOf(columns), [{ slot: 0, generation: 1, vanished: 1 }]);
  }
  tracker.acknowledge(columns);
  columns.clear();
  map.rows.set(9, 1n);
  map.read(tracker, columns);
  assert.deepEqual(rowsOf(columns), [{ slot: 0, generation: 2, vanished: 0 }], 'a new generation');
});

test('a lower value is another row in a map that evicts, and just a lower value in an array', () => {
  for (const [restartsWhenLower, sent] of [
    [true, 2],
    [false, 1],
  ] as const) {
    const { map, tracker, columns } = tracked(restartsWhenLower);
    map.rows.set(1, 10n);
    map.read(tracker, columns);
    tracker.acknowledge(columns);
    columns.clear();
    map.rows.set(1, 3n);
    map.read(tracker, columns);
    assert.equal(columns.count, sent);
    assert.equal(tracker.restarted, restartsWhenLower ? 1 : 0);
  }
});

test('vanished rows beyond the bound are given up, counted', () => {
  const tracker = new RowTracker({ keySize: KEY_SIZE, restartsWhenLower: true, maxVanished: 3 });
  const columns = new RowColumns(KEY_SIZE, 1 << 20);
  const map = new FakeMap();
  for (let key = 0; key < 5; key++) map.rows.set(key, 1n);
  map.read(tracker, columns);
  map.rows.clear();
  columns.clear();
  map.read(tracker, columns);
  assert.equal(columns.count, 3);
  assert.equal(tracker.abandoned, 2);
});

test('totals are exact whatever is evicted, begins again, or is not acknowledged', () =>
  forSeeds(20, (random) => {
    const { map, tracker, columns } = tracked();
    const family = new Family({ name: 'm', help: '', type: 'counter', labels: ['key'] }, { cap: 1_000_000 });
    const fields = [
      { name: 'key', offset: 0, size: 4, type: null, decoders: [{ name: 'uint', allowUnknown: false, regexps: [] }] },
    ] as const;
    const state = new MapRowsState(new RowDecoder(family, fields));
    const truth = new Map<number, bigint>();
    let previous = new Map<number, bigint>();
    const apply = (): void => {
      const { slots, generations, keys, values, vanished } = columns.message();
      state.apply(
        {
          count: columns.count,
          slots: unpackU32(slots),
          generations: unpackU32(generations),
          keys,
          keySize: KEY_SIZE,
          values: unpackU32(values),
          vanished,
        },
        { facts: new Facts(1), littleEndian: true, arch: 'x86_64' },
      );
    };
    for (let poll = 0; poll < 60; poll++) {
      const restarted = new Set<number>();
      for (let i = 0; i < 30; i++) {
        const key = randomInteger(random, 20);
        // Nobody can know of a row that was evicted with counts no read had seen, or that began again and grew past its old value.
        if (restarted.has(key)) continue;
        const fresh = previous.get(key) === map.rows.get(key) && (previous.get(key) ?? 0n) > 5n && random() < 0.2;
        if (fresh) {
          map.rows.delete(key);
          restarted.add(key);
        }
        if (fresh && random() < 0.5) continue;
        const step = fresh ? 1n : BigInt(randomInteger(random, 5)) * (random() < 0.01 ? 2n ** 40n : 1n);
        map.rows.set(key, (map.rows.get(key) ?? 0n) + step);
        truth.set(key, (truth.get(key) ?? 0n) + step);
      }
      map.read(tracker, columns);
      if (random() < 0.8) apply();
      if (random() < 0.3)
        apply(); // the same frame again
      else if (random() < 0.5) {
        apply();
        tracker.acknowledge(columns);
      }
      columns.clear();
      previous = new Map(map.rows);
    }
    map.read(tracker, columns);
    apply();
    const got = new Map(
      Array.from({ length: family.size }, (_, series) => [family.table.text(series), family.cells.get(series)]),
    );
    for (const [key, value] of truth) assert.equal(got.get(`key="${key}"`) ?? 0n, value, `key ${key}`);
  }));
