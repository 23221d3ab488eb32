import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../../wire/config/parse.js';
import type { LabelConfig } from '../../../../wire/config/schema.js';
import { formatProblem } from '../../../../wire/errors.js';
import { hasCpuRows, resolveFields, type FieldOptions } from '../../../../wire/layout/fields.js';
import { layoutProblems } from '../../../../wire/layout/report.js';
import { typeText, type TypeLayout } from '../../../../wire/layout/type-layout.js';
import { array, char, double, label, memberLabel, plain, struct, u16, u32, u64, u8, union } from './layouts.js';

/** struct { u8 op; u32 dev; u64 sector; u16 port; } on a 64-bit machine. */
const disk = struct('disk_key', 24, [0, 'op', u8], [4, 'dev', u32], [8, 'sector', u64], [16, 'port', u16]);

/** struct { u32 addr; u16 port; } */
const endpoint = struct('endpoint', 8, [0, 'addr', u32], [4, 'port', u16]);
/** struct { struct endpoint src, dst; char comm[16]; } */
const flow = struct('flow', 32, [0, 'src', endpoint], [8, 'dst', endpoint], [16, 'comm', array(char, 16)]);
/** struct { u8 kind: 3, level: 5; u32 wide: 18 (from bit 9 on); u16 rest; } */
const flags = struct(
  'flags',
  6,
  { name: 'kind', bitOffset: 0, bitSize: 3, type: u8 },
  { name: 'level', bitOffset: 3, bitSize: 5, type: u8 },
  { name: 'wide', bitOffset: 9, bitSize: 18, type: u32 },
  [4, 'rest', u16],
);

interface Case {
  readonly what: string;
  readonly labels: readonly LabelConfig[];
  readonly layout: TypeLayout | null;
  readonly size: number | null;
  readonly options?: FieldOptions;
  /** name, offset, size, type. */
  readonly fields: readonly [string, number, number, string | null][];
}

const cases: readonly Case[] = [
  { what: 'no labels, key 0', labels: [], layout: u32, size: 4, fields: [] },
  { what: 'one number', labels: [label('a', 8)], layout: u64, size: 8, fields: [['a', 0, 8, 'u64']] },
  { what: 'one number without size', labels: [label('a')], layout: u64, size: 8, fields: [['a', 0, 8, 'u64']] },
  {
    what: 'sizes and padding without BTF',
    labels: [label('a', 1, 3), label('b', 4), label('c', 8)],
    layout: null,
    size: 16,
    fields: [
      ['a', 0, 1, null],
      ['b', 4, 4, null],
      ['c', 8, 8, null],
    ],
  },
  {
    what: 'sizes and padding',
    labels: [label('op', 1, 3), label('dev', 4), label('sector', 8), label('port', 2, 6)],
    layout: disk,
    size: 24,
    fields: [
      ['op', 0, 1, 'u8'],
      ['dev', 4, 4, 'u32'],
      ['sector', 8, 8, 'u64'],
      ['port', 16, 2, 'u16'],
    ],
  },
  {
    what: 'sizes from BTF, padding within and at the end skipped',
    labels: [label('a'), label('b'), label('c'), label('d')],
    layout: disk,
    size: 24,
    fields: [
      ['a', 0, 1, 'u8'],
      ['b', 4, 4, 'u32'],
      ['c', 8, 8, 'u64'],
      ['d', 16, 2, 'u16'],
    ],
  },
  {
    what: 'some sizes from BTF',
    labels: [label('a', 1), label('b'), label('c', 8), label('d')],
    layout: disk,
    size: 24,
    fields: [
      ['a', 0, 1, 'u8'],
      ['b', 4, 4, 'u32'],
      ['c', 8, 8, 'u64'],
      ['d', 16, 2, 'u16'],
    ],
  },
  {
    what: 'a struct within is one field of a label with decoders',
    labels: [label('addr', undefined, 0, 'inet_ip'), label('bucket')],
    layout: struct(
      'k',
      24,
      [0, 'addr', struct('in6_addr', 16, [0, 'in6_u', union('', 16, [0, 'u6_addr8', array(u8, 16)])])],
      [16, 'slot', u64],
    ),
    size: 24,
    fields: [
      ['addr', 0, 16, 'u8[16]'],
      ['bucket', 16, 8, 'u64'],
    ],
  },
  {
    what: 'structs within are gone into by labels without decoders',
    labels: [plain('saddr'), plain('sport'), plain('daddr'), plain('dport'), plain('comm')],
    layout: flow,
    size: 32,
    fields: [
      ['saddr', 0, 4, 'u32'],
      ['sport', 4, 2, 'u16'],
      ['daddr', 8, 4, 'u32'],
      ['dport', 12, 2, 'u16'],
      ['comm', 16, 16, 'char[16]'],
    ],
  },
  {
    what: 'members of a struct without a name',
    labels: [label('a'), label('b')],
    layout: struct('k', 8, [0, '', struct('', 8, [0, 'a', u32], [4, 'b', u32])]),
    size: 8,
    fields: [
      ['a', 0, 4, 'u32'],
      ['b', 4, 4, 'u32'],
    ],
  },
  {
    what: 'a member of an element of an array',
    labels: [memberLabel('port', 'ends[1].port')],
    layout: struct('k', 16, [0, 'ends', array(endpoint, 2)]),
    size: 16,
    fields: [['port', 12, 2, 'u16']],
  },
  {
    what: 'bit-fields: the bytes that they touch, and the type that they were declared with',
    labels: [plain('kind'), label('level'), plain('wide'), label('rest', 2)],
    layout: flags,
    size: 6,
    fields: [
      ['kind', 0, 1, 'u8'],
      ['level', 0, 1, 'u8'],
      ['wide', 1, 3, 'u32'],
      ['rest', 4, 2, 'u16'],
    ],
  },
  {
    what: 'members in any order',
    labels: [memberLabel('sector', 'sector'), memberLabel('operation', 'op')],
    layout: disk,
    size: 24,
    fields: [
      ['sector', 8, 8, 'u64'],
      ['operation', 0, 1, 'u8'],
    ],
  },
  {
    what: 'cpu after the key',
    labels: [label('dev', 4), label('cpu', 2)],
    layout: u32,
    size: 4,
    options: { perCpu: true },
    fields: [
      ['dev', 0, 4, 'u32'],
      ['cpu', 4, 2, 'u16'],
    ],
  },
  {
    what: 'only cpu, the zero key dropped',
    labels: [label('cpu', 2)],
    layout: u32,
    size: 4,
    options: { perCpu: true },
    fields: [['cpu', 4, 2, 'u16']],
  },
  {
    what: 'cpu of a map that is not per-CPU is a label like others',
    labels: [label('cpu', 4)],
    layout: u32,
    size: 4,
    fields: [['cpu', 0, 4, 'u32']],
  },
  {
    what: 'cpu that is not last is a label like others',
    labels: [label('cpu', 4), label('dev', 4)],
    layout: null,
    size: 8,
    options: { perCpu: true },
    fields: [
      ['cpu', 0, 4, null],
      ['dev', 4, 4, null],
    ],
  },
  {
    what: "a record's tail is ignored",
    labels: [label('op', 1, 3), label('dev', 4)],
    layout: disk,
    size: 24,
    options: { record: true },
    fields: [
      ['op', 0, 1, 'u8'],
      ['dev', 4, 4, 'u32'],
    ],
  },
  {
    what: 'a record of unknown size',
    labels: [label('a', 100)],
    layout: null,
    size: null,
    options: { record: true },
    fields: [['a', 0, 100, null]],
  },
  {
    what: 'records that are only counted',
    labels: [],
    layout: null,
    size: null,
    options: { record: true },
    fields: [],
  },
];

for (const { what, labels, layout, size, options, fields } of cases) {
  test(`fields: ${what}`, () => {
    const result = resolveFields(labels, layout, size, options);
    assert.deepEqual(result.problems, []);
    assert.deepEqual(
      result.fields.map((field) => [
        field.name,
        field.offset,
        field.size,
        field.type === null ? null : typeText(field.type),
      ]),
      fields,
    );
    assert.deepEqual(result.warnings, []);
    assert.equal(
      result.fields.every((field, index) => field.decoders === labels[index]?.decoders),
      true,
    );
  });
}

interface Refusal {
  readonly what: string;
  readonly labels: readonly LabelConfig[];
  readonly layout: TypeLayout | null;
  readonly size: number | null;
  readonly options?: FieldOptions;
  readonly at: number | null;
  readonly message: string;
}

const refusals: readonly Refusal[] = [
  {
    what: 'no labels',
    labels: [],
    layout: u64,
    size: 8,
    at: null,
    message: 'there are no labels, but the key has 8 bytes',
  },
  {
    what: 'only cpu',
    labels: [label('cpu', 2)],
    layout: u64,
    size: 8,
    options: { perCpu: true },
    at: null,
    message: 'there is no label but cpu, but the key has 8 bytes',
  },
  {
    what: 'too few bytes',
    labels: [label('a', 4)],
    layout: null,
    size: 8,
    at: null,
    message: 'labels add up to 4 bytes, but the key has 8 bytes',
  },
  {
    what: 'too many bytes',
    labels: [label('a', 4, 5)],
    layout: null,
    size: 8,
    at: null,
    message: 'labels add up to 9 bytes, but the key has 8 bytes',
  },
  {
    what: 'a short record',
    labels: [label('a', 16)],
    layout: u64,
    size: 8,
    options: { record: true },
    at: null,
    message: 'labels add up to 16 bytes, but the record has 8 bytes',
  },
  {
    what: 'members left over',
    labels: [label('a'), label('b')],
    layout: disk,
    size: 24,
    at: null,
    message: 'labels add up to 8 bytes, but the key has 24 bytes',
  },
  {
    what: 'no BTF',
    labels: [label('a', 4), label('b')],
    layout: null,
    size: 8,
    at: 1,
    message: 'b has no size, and the object has no BTF for it',
  },
  {
    what: 'no member left',
    labels: [label('a', 18), label('b')],
    layout: disk,
    size: 24,
    at: 1,
    message: 'b has no size, and the struct has no member left for it',
  },
  {
    what: 'a number used up',
    labels: [label('a', 8), label('b')],
    layout: u64,
    size: 8,
    at: 1,
    message: 'b has no size, and nothing is left of the 8 bytes',
  },
  {
    what: 'half a member',
    labels: [label('a', 6), label('b')],
    layout: disk,
    size: 24,
    at: 1,
    message: 'b has no size, and dev at 6 starts before it, at 4',
  },
  {
    what: 'a bit-field that only the host could name',
    labels: [label('a', undefined, 0, 'ksym')],
    layout: struct('b', 8, { name: 'f', bitOffset: 0, bitSize: 48, type: u64 }),
    size: 8,
    at: 0,
    message: 'a is a bit-field, which only the host could name',
  },
  {
    what: 'a struct within of which a part has no label',
    labels: [plain('saddr'), plain('sport'), plain('daddr')],
    layout: flow,
    size: 32,
    at: null,
    message: 'labels add up to 12 bytes, but the key has 32 bytes',
  },
  {
    what: 'a member that its decoder cannot read',
    labels: [memberLabel('a', 'comm')],
    layout: flow,
    size: 32,
    at: 0,
    message: 'a is 16, but uint reads 1, 2, 4 or 8 bytes',
  },
  {
    what: 'a struct without decoders',
    labels: [plain('a', { member: 'src' })],
    layout: flow,
    size: 32,
    at: 0,
    message: 'a has no decoders, and struct endpoint has no text by itself',
  },
  {
    what: 'a floating-point number without decoders',
    labels: [plain('a')],
    layout: double,
    size: 8,
    at: 0,
    message: 'a has no decoders, and double has no text by itself',
  },
  {
    what: 'half a member without decoders',
    labels: [plain('a', { size: 2 }), label('b', 2)],
    layout: u32,
    size: 4,
    at: 0,
    message: 'a has no decoders, and its bytes are no whole member',
  },
  {
    what: 'no decoders without BTF',
    labels: [plain('a', { size: 4 })],
    layout: null,
    size: 4,
    at: 0,
    message: 'a has no decoders, and the object has no BTF for it',
  },
  {
    what: 'a member that is not there',
    labels: [memberLabel('a', 'dve')],
    layout: disk,
    size: 24,
    at: 0,
    message: 'struct disk_key has no member dve (it has op, dev, sector, port)',
  },
  {
    what: 'a member without BTF',
    labels: [memberLabel('a', 'dev')],
    layout: null,
    size: 24,
    at: 0,
    message: 'member dev is not known: the object has no BTF for it',
  },
  {
    what: 'a member of a record without a type',
    labels: [memberLabel('a', 'dev')],
    layout: null,
    size: null,
    options: { record: true },
    at: 0,
    message: 'member dev is not known: the buffer does not say what its records are',
  },
  {
    what: 'labels of a record that nobody could remember',
    labels: [label('a', 16_000), label('b', 385)],
    layout: null,
    size: null,
    options: { record: true },
    at: null,
    message: 'labels of a record add up to 16385 bytes, and 16384 are the most',
  },
  {
    what: 'cpu of another size',
    labels: [label('a', 4), label('cpu', 4)],
    layout: null,
    size: 4,
    options: { perCpu: true },
    at: 1,
    message: "cpu is 4 bytes, but the CPU's number after a per-CPU map's key is a u16",
  },
];
for (const { what, labels, layout, size, options, at, message } of refusals) {
  test(`refused: ${what}`, () => {
    const { problems } = resolveFields(labels, layout, size, options);
    assert.deepEqual(
      problems.map((problem) => [problem.label, problem.message]),
      [[at, message]],
    );
  });
}

test('a problem shows both layouts side by side', () => {
  const labels = [label('op', 1, 3), label('dev', 4), label('sector', 4)];
  assert.equal(
    resolveFields(labels, disk, 24).problems[0]?.detail,
    [
      'labels                    | key: struct disk_key',
      '   0    1  op + 3 padding |    0    1  op: u8',
      '   4    4  dev            |    4    4  dev: u32',
      '   8    4  sector         |    8    8  sector: u64',
      '                          |   16    2  port: u16',
      '= 12 bytes                | = 24 bytes',
    ].join('\n'),
  );
});

const cuts: [string, readonly LabelConfig[], TypeLayout, number, string[]][] = [
  [
    'a byte with its padding',
    [label('op', 4), label('dev', 4), label('sector', 8), label('port', 8)],
    disk,
    24,
    [
      'op reads bytes 0 to 3, which is not one whole member: op (byte 0)',
      'port reads bytes 16 to 23, which is not one whole member: port (bytes 16 to 17)',
    ],
  ],
  [
    'two members at once',
    [label('a', 8), label('b', 8), label('c', 2, 6)],
    disk,
    24,
    ['a reads bytes 0 to 7, which is not one whole member: op (byte 0), dev (bytes 4 to 7)'],
  ],
  [
    'part of an array',
    [label('comm', 8, 8)],
    struct('c', 16, [0, 'comm', array(char, 16)]),
    16,
    ['comm reads bytes 0 to 7, which is not one whole member: comm (bytes 0 to 15)'],
  ],
  [
    'only padding',
    [label('a', 1), label('b', 3), label('c', 4)],
    struct('p', 8, [0, 'x', u8], [4, 'y', u32]),
    8,
    ['b reads bytes 1 to 3, which is not one whole member: only padding'],
  ],
];
for (const [what, labels, layout, size, warnings] of cuts) {
  test(`warned about: ${what}`, () => {
    const result = resolveFields(labels, layout, size);
    assert.deepEqual(result.problems, []);
    assert.deepEqual(
      result.warnings.map(({ message }) => message),
      warnings,
    );
  });
}

test('hasCpuRows asks for both: a per-CPU map, and cpu at the end', () => {
  assert.equal(hasCpuRows([label('cpu')], true), true);
  assert.equal(hasCpuRows([label('cpu')], false), false);
  assert.equal(hasCpuRows([label('cpu'), label('a')], true), false);
  assert.equal(hasCpuRows([], true), false);
});

test('layoutProblems finds the line', () => {
  const text =
    'metrics:\n  counters:\n    - name: a\n      help: A\n      labels:\n        - {name: x, size: 4, decoders: [{name: uint}]}\n';
  const config = parseConfig('t', 't.yaml', text);
  const labels = config.counters[0]?.labels ?? [];
  const lines = layoutProblems(config, ['metrics', 'counters', 0], resolveFields(labels, u64, 8).problems).map(
    formatProblem,
  );
  assert.deepEqual(lines, [
    't.yaml:5:7: metrics.counters[0].labels: labels add up to 4 bytes, but the key has 8 bytes; correct size and padding\n' +
      '    labels       | key: u64\n' +
      '       0    4  x |    0    8  u64\n' +
      '    = 4 bytes    | = 8 bytes',
  ]);
});

test('a bit-field knows its bits, wherever it is found', () => {
  const bits = (labels: readonly LabelConfig[]): unknown[] =>
    resolveFields(labels, flags, 6).fields.map((field) => field.bits ?? null);
  const found = [{ offset: 0, length: 3 }, { offset: 3, length: 5 }, { offset: 1, length: 18 }, null];
  assert.deepEqual(bits([plain('kind'), plain('level'), plain('wide'), plain('rest')]), found);
  assert.deepEqual(bits(['kind', 'level', 'wide', 'rest'].map((member) => plain(member, { member }))), found);
});
