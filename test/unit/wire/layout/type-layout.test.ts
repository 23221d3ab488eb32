import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TypeLayout as NativeLayout } from '../../../../native/types.js';
import { findMember, leavesOf, typeAt } from '../../../../wire/layout/find.js';
import { describeLayout, typeText, type TypeLayout } from '../../../../wire/layout/type-layout.js';
import { array, char, struct, u16, u32, u64, u8, union } from './layouts.js';

// shape: what the addon gives is what the wire takes, and the other way round. The compiler checks it.
export const fromNative: (layout: NativeLayout) => TypeLayout = (layout) => layout;
export const toNative: (layout: TypeLayout) => NativeLayout = (layout) => layout;

const address = union('', 16, [0, 'v4', u32], [0, 'v6', array(u8, 16)]);
const inner = struct('tuple', 4, [0, 'ports', array(u16, 2)]);
const key = struct(
  'key_t',
  40,
  [0, '', address],
  [16, 'tuple', inner],
  { name: 'flag', bitOffset: 160, bitSize: 3, type: u32 },
  [24, 'comm', array(char, 16)],
);

test('describeLayout prints a line a member, nested ones indented', () => {
  assert.equal(
    describeLayout(key),
    [
      'struct key_t, 40 bytes',
      '     0   16  (unnamed): union',
      '       0    4  v4: u32',
      '       0   16  v6: u8[16]',
      '    16    4  tuple: struct tuple',
      '      16    4  ports: u16[2]',
      '    20   3b  flag: u32',
      '    24   16  comm: char[16]',
    ].join('\n'),
  );
  assert.equal(describeLayout(u8), 'u8, 1 byte');
  assert.equal(typeText(struct('', 4)), 'struct');
});

const paths: [string, number, number, string][] = [
  ['v4', 0, 4, 'u32'],
  ['v6', 0, 16, 'u8[16]'],
  ['v6[15]', 15, 1, 'u8'],
  ['tuple', 16, 4, 'struct tuple'],
  ['tuple.ports', 16, 4, 'u16[2]'],
  ['tuple.ports[1]', 18, 2, 'u16'],
  ['comm', 24, 16, 'char[16]'],
];
for (const [path, offset, size, type] of paths) {
  test(`${path} is at ${offset}`, () => {
    const place = findMember(key, path);
    assert.ok(typeof place !== 'string', JSON.stringify(place));
    assert.deepEqual([place.offset, place.size, typeText(place.type)], [offset, size, type]);
  });
}

const wrong: [string, string][] = [
  ['port', 'struct key_t has no member port (it has v4, v6, tuple, flag, comm)'],
  ['tuple.x', 'struct tuple has no member x (it has ports)'],
  ['tuple.ports[2]', 'u16[2] has no element 2'],
  ['tuple[0]', 'struct tuple is no array'],
  ['v4.x', 'u32 has no member x'],
];
for (const [path, sentence] of wrong) {
  test(`${path} is not found`, () => assert.equal(findMember(key, path), sentence));
}

test('typeAt finds the innermost whole member', () => {
  const text = (offset: number, size: number): string | null => {
    const type = typeAt(key, offset, size);
    return type === null ? null : typeText(type);
  };
  assert.equal(text(0, 4), 'u32');
  assert.equal(text(0, 16), 'u8[16]');
  assert.equal(text(5, 1), 'u8');
  assert.equal(text(16, 4), 'u16[2]');
  assert.equal(text(18, 2), 'u16');
  assert.equal(text(24, 16), 'char[16]');
  assert.equal(text(24, 8), null);
  assert.equal(text(16, 8), null);
  assert.equal(text(20, 4), null);
  assert.equal(text(0, 40), 'struct key_t');
  assert.equal(typeText(typeAt(struct('one', 8, [0, 'only', u64]), 0, 8)!), 'u64');
});

test('leavesOf names nested members in full', () => {
  assert.deepEqual(leavesOf(key), [
    { name: 'v4', offset: 0, end: 4 },
    { name: 'v6', offset: 0, end: 16 },
    { name: 'tuple.ports', offset: 16, end: 20 },
    { name: 'flag', offset: 20, end: 21 },
    { name: 'comm', offset: 24, end: 40 },
  ]);
});
