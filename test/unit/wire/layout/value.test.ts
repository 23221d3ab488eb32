import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isValueField, resolveRecordValue, resolveValue, type ValueField } from '../../../../wire/layout/value.js';
import type { TypeLayout } from '../../../../wire/layout/type-layout.js';
import { array, char, double, s32, struct, u64, u8 } from './layouts.js';

const stats = struct(
  'stats',
  40,
  [0, 'bytes', u64],
  [8, 'delta', s32],
  [12, 'flag', u8],
  [16, 'load', double],
  [24, 'comm', array(char, 16)],
  { name: 'kind', bitOffset: 104, bitSize: 3, type: u8 },
);

const table: [string | undefined, TypeLayout | null, number, ValueField][] = [
  [undefined, u64, 8, { offset: 0, size: 8, signed: false, kind: 'int' }],
  [undefined, null, 8, { offset: 0, size: 8, signed: false, kind: 'int' }],
  [undefined, null, 4, { offset: 0, size: 4, signed: false, kind: 'int' }],
  [undefined, s32, 4, { offset: 0, size: 4, signed: true, kind: 'int' }],
  ['bytes', stats, 40, { offset: 0, size: 8, signed: false, kind: 'int' }],
  ['delta', stats, 40, { offset: 8, size: 4, signed: true, kind: 'int' }],
  ['flag', stats, 40, { offset: 12, size: 1, signed: false, kind: 'int' }],
];
for (const [member, layout, size, value] of table) {
  test(`value ${member ?? 'of the whole map value'} (${layout === null ? 'no BTF' : layout.kind})`, () => {
    const resolved = resolveValue(member, layout, size);
    assert.ok(isValueField(resolved));
    assert.deepEqual(resolved, value);
  });
}

const wrong: [string | undefined, TypeLayout | null, number, string][] = [
  [undefined, stats, 40, "the map's value has 40 bytes, and a number has 1, 2, 4 or 8"],
  [undefined, null, 3, "the map's value has 3 bytes, and a number has 1, 2, 4 or 8"],
  ['bytes', null, 40, 'value bytes is not known: the object has no BTF for it'],
  ['byte', stats, 40, 'struct stats has no member byte (it has bytes, delta, flag, load, comm, kind)'],
  ['comm', stats, 40, 'comm is char[16], which is no number'],
  ['load', stats, 40, 'load is a floating-point number, which no program can count in'],
  ['kind', stats, 40, 'kind is a bit-field, which cannot be a value'],
];
for (const [member, layout, size, message] of wrong) {
  test(`no value: ${message}`, () => {
    const resolved = resolveValue(member, layout, size);
    assert.ok(!isValueField(resolved));
    assert.equal(resolved.message, message);
  });
}

test('the value of an event is a number of its record, in whose type it must stand', () => {
  assert.deepEqual(resolveRecordValue('delta', stats, true), { offset: 8, size: 4, signed: true, kind: 'int' });
  assert.deepEqual(resolveRecordValue('load', stats, false), { offset: 16, size: 8, signed: true, kind: 'float' });
  for (const [member, layout, whole, words] of [
    ['load', stats, true, 'load is a floating-point number, and only a gauge can have one'],
    ['lod', stats, true, 'struct stats has no member lod (it has bytes, delta, flag, load, comm, kind)'],
    ['comm', stats, false, 'comm is char[16], which is no number'],
    ['load', null, false, 'value load is not known: the buffer does not say what its records are'],
  ] as const) {
    const problem = resolveRecordValue(member, layout, whole);
    assert.ok(!isValueField(problem));
    assert.equal(problem.message, words);
  }
});
