import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import type { DecodeContext } from '../../../../aggregator/decode/decoder.js';
import { Facts } from '../../../../aggregator/decode/facts.js';
import { Family } from '../../../../aggregator/series/family.js';
import { MapRowsState } from '../../../../aggregator/series/map-rows.js';
import { RowDecoder } from '../../../../aggregator/series/row-decoder.js';
import type { DecoderConfig } from '../../../../wire/config/schema.js';
import type { Field } from '../../../../wire/layout/fields.js';
import { field } from '../../../harness/event-metric.js';

/** The whole key as one label. */
function key(...decoders: readonly Partial<DecoderConfig>[]): readonly Field[] {
  return [field('key', 0, 4, ...decoders)];
}

/** A map whose key is a number of 4 bytes, which is also the row's slot, and a counter of it. */
class Rows {
  readonly facts = new Facts(100);
  readonly family: Family;
  readonly state: MapRowsState;
  readonly #context: DecodeContext = { facts: this.facts, littleEndian: true, arch: 'x86_64' };

  readonly #labels: readonly Field[];

  constructor(labels: readonly Field[]) {
    this.#labels = labels;
    const names = labels.map(({ name }) => name);
    this.family = new Family({ name: 'm', help: '', type: 'counter', labels: names }, { cap: 1000 });
    this.state = new MapRowsState(new RowDecoder(this.family, labels));
  }

  apply(rows: readonly (readonly [key: number, value: number])[], generation = 1): void {
    const keys = Uint32Array.from(rows, ([key]) => key);
    this.state.apply(
      {
        count: rows.length,
        slots: keys,
        generations: new Uint32Array(rows.length).fill(generation),
        keys: new Uint8Array(keys.buffer),
        keySize: 4,
        values: new Uint8Array(BigUint64Array.from(rows, ([, value]) => BigInt(value)).buffer),
        valueSize: 8,
        vanished: new Uint8Array(),
      },
      this.#context,
    );
  }

  /** Another one, made of what this one has saved. */
  restored(): Rows {
    const other = new Rows(this.#labels);
    const { meta, arrays } = this.family.save();
    const copies = Object.entries(arrays).map(([name, bytes]) => [name, new Uint8Array(bytes)] as const);
    other.family.restore({ meta, arrays: Object.fromEntries(copies) });
    for (const [kind, answers] of this.facts.entries())
      for (const [id, name] of answers) other.facts.set(kind, id, name);
    other.state.restore(new Uint32Array(new Uint8Array(this.state.save()).buffer));
    other.state.restoreUnsettled(new Uint8Array(this.state.saveUnsettled(this.facts)), other.facts);
    return other;
  }

  /** What each series has counted. */
  get counts(): Record<string, number> {
    const { family } = this;
    return Object.fromEntries(
      Array.from({ length: family.size }, (_, i) => [family.table.text(i), Number(family.cells.get(i))]),
    );
  }
}

test('a pattern is tried once for each new key, not for each read', (t) => {
  const tries = t.mock.method(RE2JS.prototype, 'matcher');
  const rows = new Rows(key({}, { name: 'regexp', regexps: ['^[12]$'] }));
  for (let read = 1; read <= 50; read++) {
    rows.apply([
      [1, read],
      [2, read * 2],
      [3, read * 3],
    ]);
  }
  assert.deepEqual(rows.counts, { 'key="1"': 50, 'key="2"': 100 });
  assert.equal(tries.mock.callCount(), 3, 'also for the key that no pattern takes');
  rows.apply([[1, 7]], 2);
  assert.equal(tries.mock.callCount(), 4, 'a row that began again is a new one');
  assert.equal(rows.counts['key="1"'], 57);
});

test('a key of several labels is tried once, too, whichever of them has it skipped', (t) => {
  const tries = t.mock.method(RE2JS.prototype, 'matcher');
  const even = { name: 'regexp', regexps: ['[02468]$'] } as const;
  const rows = new Rows([field('low', 0, 2, {}, even), field('high', 2, 2, {}, even)]);
  for (let read = 1; read <= 50; read++) {
    rows.apply([
      [0x0002_0004, read],
      [0x0001_0004, read],
      [0x0002_0003, read],
    ]);
  }
  assert.deepEqual(rows.counts, { 'high="2",low="4"': 50 });
  assert.equal(tries.mock.callCount(), 5, 'two labels of two keys, one of the key that the first has skipped');
});

test('label sets are told apart wherever one text ends and the next begins', () => {
  const text = { name: 'string' } as const;
  const family = new Family({ name: 'm', help: '', type: 'counter', labels: ['a', 'b'] }, { cap: 100 });
  const decoder = new RowDecoder(family, [field('a', 0, 8, text), field('b', 8, 8, text)]);
  const context = { facts: new Facts(1), littleEndian: true, arch: 'x86_64' };
  const sets = [
    ['x|', 'y'],
    ['x', '|y'],
    ['x', 'y'],
    ['xy', ''],
    ['', 'xy'],
    ['x",b="y', ''],
    ['x', 'y",b="'],
    ['x\\', 'y'],
    ['x', '\\y'],
  ] as const;
  const cells = sets.map(([a, b]) => decoder.cell(Buffer.from(a.padEnd(8, '\0') + b.padEnd(8, '\0')), 0, context));
  assert.deepEqual(cells, [...sets.keys()]);
});

const IFNAME = { name: 'ifname' } as const;

test('a row that lacked a fact counts under its name from when the host knows it; what it counted before stays', () => {
  const rows = new Rows(key(IFNAME));
  rows.facts.set('ifname', 1n, Buffer.from('lo'));
  rows.apply([
    [1, 10],
    [5, 10],
  ]);
  rows.facts.set('ksym', 5n, Buffer.from('of another kind'));
  rows.apply([[5, 12]]);
  assert.deepEqual(rows.counts, { 'key="lo"': 10, 'key="unknown:5"': 12 });
  rows.facts.set('ifname', 5n, Buffer.from('eth5'));
  rows.apply([
    [1, 11],
    [5, 13],
  ]);
  rows.apply([[5, 20]]);
  assert.deepEqual(rows.counts, { 'key="lo"': 11, 'key="unknown:5"': 12, 'key="eth5"': 8 });
});

test('a row whose fact has become another counts under the new name, and the old series does not fall', () => {
  const rows = new Rows(key(IFNAME, { name: 'regexp', regexps: ['^eth.*'] }));
  rows.facts.set('ifname', 5n, Buffer.from('eth0'));
  rows.facts.set('ifname', 6n, Buffer.from('wan0'));
  rows.apply([
    [5, 10],
    [6, 10],
  ]);
  rows.facts.set('ifname', 5n, Buffer.from('wan1'));
  rows.facts.set('ifname', 6n, Buffer.from('eth0'));
  rows.apply([
    [5, 100],
    [6, 11],
  ]);
  assert.deepEqual(rows.counts, { 'key="eth0"': 11 });
});

test('what the host does not know is tried again when it has told something new, not with each read', () => {
  const rows = new Rows(key(IFNAME));
  for (let read = 1; read <= 50; read++) rows.apply([[5, read]]);
  assert.equal(rows.facts.misses, 1);
  rows.facts.set('ifname', 1n, Buffer.from('lo'));
  for (let read = 51; read <= 100; read++) rows.apply([[5, read]]);
  assert.equal(rows.facts.misses, 2);
  assert.deepEqual(rows.counts, { 'key="unknown:5"': 100 });
});

test('a restored state goes on as the other does: also with rows whose turn had not come', () => {
  const rows = new Rows(key(IFNAME));
  rows.facts.set('ifname', 7n, Buffer.from('eth7'));
  rows.apply([
    [5, 1],
    [6, 1],
    [7, 1],
  ]);
  rows.facts.set('ifname', 5n, Buffer.from('eth5'));
  rows.apply([[7, 2]]);
  const restored = rows.restored();
  for (const one of [rows, restored]) {
    one.apply([
      [5, 2],
      [6, 2],
      [7, 3],
    ]);
    one.facts.set('ifname', 7n, Buffer.from('wan7'));
    one.apply([
      [6, 3],
      [7, 4],
    ]);
  }
  assert.deepEqual(rows.counts, {
    'key="unknown:5"': 1,
    'key="unknown:6"': 3,
    'key="eth7"': 3,
    'key="eth5"': 1,
    'key="wan7"': 1,
  });
  assert.deepEqual(restored.counts, rows.counts);
});
