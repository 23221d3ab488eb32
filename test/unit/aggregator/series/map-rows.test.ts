import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import type { DecodeContext } from '../../../../aggregator/decode/decoder.js';
import { Facts } from '../../../../aggregator/decode/facts.js';
import { Family } from '../../../../aggregator/series/family.js';
import { MapRowsState } from '../../../../aggregator/series/map-rows.js';
import { RowDecoder } from '../../../../aggregator/series/row-decoder.js';
import type { DecoderConfig } from '../../../../wire/config/schema.js';

/** A map whose key is a number of 4 bytes, which is also the row's slot, and a counter of it with one label. */
class Rows {
  readonly facts = new Facts(100);
  readonly family = new Family({ name: 'm', help: '', type: 'counter', labels: ['key'] }, { cap: 1000 });
  readonly state: MapRowsState;
  readonly #context: DecodeContext = { facts: this.facts, littleEndian: true, arch: 'x86_64' };

  constructor(...decoders: readonly Partial<DecoderConfig>[]) {
    const chain = decoders.map((decoder) => ({ name: 'uint' as const, allowUnknown: false, regexps: [], ...decoder }));
    const field = { name: 'key', offset: 0, size: 4, type: null, decoders: chain };
    this.state = new MapRowsState(new RowDecoder(this.family, [field]));
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
        values: Uint32Array.from(rows.flatMap(([, value]) => [value, 0])),
        vanished: new Uint8Array(),
      },
      this.#context,
    );
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
  const rows = new Rows({}, { name: 'regexp', regexps: ['^[12]$'] });
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
