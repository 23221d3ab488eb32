import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RowColumns } from '../../../collector/source/row-columns.js';
import { RowTracker, type RisingMember } from '../../../collector/source/row-tracker.js';
import { MapRowsState } from '../../../aggregator/series/map-rows.js';
import { RowDecoder } from '../../../aggregator/series/row-decoder.js';
import { Family } from '../../../aggregator/series/family.js';
import { Facts } from '../../../aggregator/decode/facts.js';
import { unpackU32 } from '../../../wire/frame.js';
import { WHOLE_U64 } from '../../../wire/layout/value.js';
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

function tracked(rising = [WHOLE_U64]): { map: FakeMap; tracker: RowTracker; columns: RowColumns } {
  const tracker = new RowTracker({ keySize: KEY_SIZE, valueSize: 8, rising, maxVanished: 1000 });
  return { map: new FakeMap(), tracker, columns: new RowColumns(KEY_SIZE, 8, 1 << 20) };
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
  for (const [rising, sent] of [
    [[WHOLE_U64], 2],
    [[], 1],
  ] as const) {
    const { map, tracker, columns } = tracked([...rising]);
    map.rows.set(1, 10n);
    map.read(tracker, columns);
    tracker.acknowledge(columns);
    columns.clear();
    map.rows.set(1, 3n);
    map.read(tracker, columns);
    assert.equal(columns.count, sent);
    assert.equal(tracker.restarted, rising.length);
  }
});

test('vanished rows beyond the bound are given up, counted', () => {
  const tracker = new RowTracker({ keySize: KEY_SIZE, valueSize: 8, rising: [WHOLE_U64], maxVanished: 3 });
  const columns = new RowColumns(KEY_SIZE, 8, 1 << 20);
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
          values,
          valueSize: 8,
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

test('a row has begun again when a number that only rises is lower, wherever it stands in the value', () =>
  forSeeds(20, (random) => {
    const size = 20;
    for (let i = 0; i < 200; i++) {
      const member = {
        size: [1, 2, 4, 8][randomInteger(random, 4)]!,
        offset: 0,
        signed: random() < 0.5,
      };
      member.offset = randomInteger(random, size - member.size + 1);
      const before = randomBytes(random, size);
      // Often they differ by a little, or only beside the number.
      const after = random() < 0.3 ? randomBytes(random, size) : before.slice();
      after[randomInteger(random, size)]! += randomInteger(random, 3) - 1;
      const tracker = new RowTracker({ keySize: KEY_SIZE, valueSize: size, rising: [member], maxVanished: 10 });
      const columns = new RowColumns(KEY_SIZE, size, 1 << 10);
      for (const value of [before, after]) {
        tracker.beginSweep();
        tracker.take({ count: 1, keys: new Uint8Array(4), values: new Uint32Array(value.buffer) }, 0, false, columns);
        tracker.endSweep();
      }
      const fell = numberIn(after, member) < numberIn(before, member);
      assert.equal(tracker.restarted, fell ? 1 : 0, JSON.stringify({ member, before, after }));
    }
  }));

test('values of any size are sent whole, and again when any byte of them changes', () => {
  for (const size of [1, 3, 4, 6, 12]) {
    const tracker = new RowTracker({ keySize: KEY_SIZE, valueSize: size, rising: [], maxVanished: 10 });
    const columns = new RowColumns(KEY_SIZE, size, 1 << 10);
    const words = (size + 3) >>> 2;
    const rows = Array.from({ length: 3 }, (_, row) => Uint8Array.from({ length: size }, (_, i) => row * 16 + i + 1));
    const read = (): void => {
      const values = new Uint32Array(rows.length * words);
      rows.forEach((row, i) => new Uint8Array(values.buffer).set(row, i * words * 4));
      tracker.beginSweep();
      tracker.take({ count: 3, keys: new Uint8Array(new Uint32Array([7, 8, 9]).buffer), values }, 0, false, columns);
      tracker.endSweep();
    };
    read();
    assert.deepEqual(
      [...columns.message().values],
      rows.flatMap((row) => [...row]),
    );
    tracker.acknowledge(columns);
    columns.clear();
    rows[1]?.fill(0, size - 1);
    read();
    assert.deepEqual([...columns.message().values], [...rows[1]!]);
    columns.clear();
    tracker.appendVanished(2, columns);
    assert.deepEqual([...columns.message().values], [...rows[2]!]);
  }
});

function randomBytes(random: () => number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => randomInteger(random, 256));
}

function numberIn(bytes: Uint8Array, { offset, size, signed }: RisingMember): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[offset + i]!);
  return signed ? BigInt.asIntN(size * 8, value) : value;
}
