import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { native, type TypeLayout } from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { findMap } from '../../harness/native-assert.js';

const leaf = (kind: TypeLayout['kind'], name: string, size: number, signed = false): TypeLayout => {
  return { kind, name, size, signed, length: 0, element: [], members: [], values: [] };
};

/** `name kind size` of a type, members at `bit+bits` in braces, arrays as `element[length]`. */
function summary(type: TypeLayout): string {
  const [element] = type.element;
  if (element !== undefined) return `${summary(element)}[${type.length}]`;
  const members = type.members.map((m) => `${m.name}@${m.bitOffset}+${m.bitSize} ${summary(m.type)}`);
  const sign = type.signed ? ' signed' : '';
  const inner = members.length > 0 ? ` { ${members.join('; ')} }` : '';
  return `${type.kind}${type.name ? ` ${type.name}` : ''} ${type.size}${sign}${inner}`;
}

describe('type layouts', () => {
  const object = native.open(compileFixture('types'));
  after(() => object.close());
  const key = findMap(object, 'typed').keyLayout;
  assert.ok(key);
  const member = (name: string): string => {
    const found = key.members.find((candidate) => candidate.name === name);
    assert.ok(found, name);
    return `${found.bitOffset}+${found.bitSize} ${summary(found.type)}`;
  };

  it('give the struct its name and size', () => {
    assert.deepEqual([key.kind, key.name, key.size, key.members.length], ['struct', 'typed_key', 112, 12]);
  });

  it('see through typedefs to the name of the type itself', () => {
    assert.equal(member('pid'), '0+32 int unsigned int 4');
    assert.deepEqual(findMap(object, 'typed').valueLayout, leaf('int', 'unsigned long long', 8));
  });

  it('name an anonymous struct after its typedef and skip qualifiers', () => {
    assert.equal(
      member('peer'),
      '32+32 struct endpoint_t 4 { port@0+16 int unsigned short 2; protocol@16+8 int unsigned char 1 }',
    );
  });

  it('tell text, enums, booleans and pointers', () => {
    assert.equal(member('comm'), '64+128 char char 1 signed[16]');
    assert.equal(member('color'), '192+32 enum color 4');
    assert.equal(member('inbound'), '224+8 bool _Bool 1');
    assert.equal(member('next'), '448+64 pointer 8');
  });

  it('list enum values', () => {
    const color = key.members.find(({ name }) => name === 'color');
    assert.deepEqual(color?.type.values, [
      { name: 'RED', value: 0n },
      { name: 'GREEN', value: 5n },
      { name: 'BLUE', value: 0xffff_ffffn },
    ]);
  });

  it('place bit-fields', () => {
    assert.equal(member('flag'), '232+1 int unsigned int 4');
    assert.equal(member('kind'), '233+7 int unsigned int 4');
    assert.equal(member('delta'), '256+24 int int 4 signed');
  });

  it('keep anonymous unions', () => {
    assert.equal(member(''), '288+128 union 16 { v4@0+32 int unsigned int 4; v6@0+128 int unsigned char 1[16] }');
  });

  it('nest arrays and give a flexible one no length', () => {
    assert.equal(member('matrix'), '512+384 int unsigned long long 8[3][2]');
    assert.equal(member('tail'), '896+0 int unsigned long long 8[0]');
  });

  it('are null for a map without types', () => {
    const { keyLayout, valueLayout, keySize, valueSize } = findMap(object, 'untyped');
    assert.deepEqual([keyLayout, valueLayout, keySize, valueSize], [null, null, 12, 8]);
  });

  it('of buffers are those of their records, and the kernel takes the buffers all the same', () => {
    const record = 'struct record 24 { key@0+32 int unsigned int 4; load@64+64 float double 8; inner@128+16 struct 2';
    for (const [name, keySize, valueSize] of [
      ['typed_ring', 0, 0],
      ['typed_perf', 4, 4],
    ] as const) {
      const map = findMap(object, name);
      assert.ok(map.valueLayout);
      assert.equal(summary(map.valueLayout).slice(0, record.length), record);
      assert.deepEqual([map.keySize, map.valueSize], [keySize, valueSize]);
    }
    object.load();
    const onBatch = (): void => undefined;
    findMap(object, 'typed_ring').openRing({ onBatch }).close();
    findMap(object, 'typed_perf').openPerfBuffer({ onBatch }).close();
  });

  it("of a perf event array whose value is a number are null: the number is the array's own", () => {
    assert.equal(findMap(object, 'untyped_perf').valueLayout, null);
  });
});
