import assert from 'node:assert/strict';
import test from 'node:test';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { familyMessages } from '../../../../../aggregator/output/prometheus/protobuf/family-encoder.js';
import { FamilyWriter } from '../../../../../aggregator/output/prometheus/family-writer.js';
import { bucketsOf, type BucketSpec } from '../../../../../aggregator/series/buckets.js';
import { eventSink } from '../../../../../aggregator/series/event-sink.js';
import { RecordValue } from '../../../../../aggregator/series/record-value.js';
import { Family, type FamilyDefinition } from '../../../../../aggregator/series/family.js';

type Fields = Record<number, (string | number | bigint | Uint8Array)[]>;

/** The fields of a message by number, each list in the order in which they came. */
function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields: Fields = {};
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const value =
      type === WireType.Varint ? BigInt(reader.uint64()) : type === WireType.Bit64 ? reader.double() : reader.bytes();
    (fields[field] ??= []).push(value);
  }
  return fields;
}

const inner = (fields: Fields, field: number): Fields[] => (fields[field] ?? []).map((b) => fieldsOf(b as Uint8Array));
const text = (value: unknown): string => Buffer.from(value as Uint8Array).toString();
/** Of sint32 and sint64. */
const signed = (value: unknown): bigint => ((value as bigint) >> 1n) ^ -((value as bigint) & 1n);

/** The one message, without its length, which is checked. */
function message(family: Family, hostLabels = ''): Fields {
  const [bytes, ...more] = [...familyMessages(family.view(), Buffer.from(hostLabels))];
  assert.equal(more.length, 0);
  const reader = new BinaryReader(bytes!);
  assert.equal(reader.uint32(), reader.len - reader.pos);
  return fieldsOf(bytes!.subarray(reader.pos));
}

function histogram(spec: Partial<BucketSpec>): { family: Family; count: (value: number) => void } {
  const buckets = bucketsOf({
    bucketType: 'native',
    bucketMin: 0,
    bucketMax: 0,
    bucketKeys: [],
    bucketMultiplier: 1,
    nativeFrom: 'values',
    ...spec,
  });
  const family = new Family({ name: 'h', help: 'H', type: 'histogram', labels: [], buckets }, { cap: 100 });
  const sink = eventSink(family, 'sum');
  const series = family.series(new Uint8Array(), 0);
  const value = new RecordValue({ offset: 0, size: 4, signed: false, kind: 'int' }, true);
  const count = (number: number): void => {
    value.read(new DataView(new Uint32Array([number]).buffer), 0);
    sink.count(series, value);
  };
  return { family, count };
}

function counter(definition: Partial<FamilyDefinition>, labels: string, lo: number, hi: number): Family {
  const family = new Family(
    { name: 'c_total', help: 'C\n"', type: 'counter', labels: ['a'], ...definition },
    { cap: 9 },
  );
  const bytes = Buffer.from(labels);
  family.cells.add(family.series(bytes, bytes.length), lo, hi);
  return family;
}

test('counters and gauges, with labels as they are', () => {
  const fields = message(counter({}, 'a="x\\"\\\\\\né",b=""', 1, 2 ** 21), 'host="h"');
  assert.deepEqual([text(fields[1]![0]), text(fields[2]![0]), fields[3]], ['c_total', 'C\n"', [0n]]);
  const [metric] = inner(fields, 4);
  assert.deepEqual(
    inner(metric!, 1).map((label) => [text(label[1]![0]), text(label[2]![0])]),
    [
      ['host', 'h'],
      ['a', 'x"\\\né'],
      ['b', ''],
    ],
  );
  // 2^53 + 1 is no double.
  assert.deepEqual(inner(metric!, 3), [{ 1: [2 ** 53] }]);
  const gauge = message(counter({ type: 'gauge', numbers: 'i64' }, 'a=""', 0xffff_fffe, 0xffff_ffff));
  assert.deepEqual(gauge[3], [1n]);
  assert.deepEqual(inner(inner(gauge, 4)[0]!, 2), [{ 1: [-2] }]);
});

test('a native histogram alone: zeros, two spans, counts as differences; in text only the totals', () => {
  const { family, count } = histogram({ bucketMultiplier: 0.5 });
  // 0; 4.0 three times (index 8); 4.5 twice (index 9); 8.0 (index 12).
  for (const value of [0, 8, 8, 8, 9, 9, 16]) count(value);
  const [native] = inner(inner(message(family), 4)[0]!, 7);
  assert.deepEqual([native![1], native![2], native![3]], [[7n], [29], undefined]);
  assert.deepEqual([signed(native![5]![0]), native![6], native![7]], [2n, [2 ** -128], [1n]]);
  assert.deepEqual(
    inner(native!, 12).map((span) => [signed(span[1]![0]), span[2]![0]]),
    [
      [8n, 2n],
      [2n, 1n],
    ],
  );
  assert.deepEqual(native![13]!.map(signed), [3n, -1n, -1n]);
  assert.equal(new FamilyWriter(family).next()!.toString(), 'h_bucket{le="+Inf"} 7\nh_sum 29\nh_count 7\n');
});

test('a classic one of which there is a native one: both, and nothing beyond the last bound is missing', () => {
  const { family, count } = histogram({ bucketType: 'fixed', bucketKeys: [1, 5] });
  for (const value of [1, 5, 6]) count(value);
  const [both] = inner(inner(message(family), 4)[0]!, 7);
  assert.deepEqual(inner(both!, 3), [
    { 1: [1n], 2: [1] },
    { 1: [2n], 2: [5] },
  ]);
  assert.equal(both![1]![0], 3n);
  assert.deepEqual(both![13]!.map(signed), [1n, 0n, 0n]);
});

test('an empty native histogram can be told from a classic one, and a classic one from a native one', () => {
  const [empty] = inner(inner(message(histogram({}).family), 4)[0]!, 7);
  assert.deepEqual(inner(empty!, 12), [{ 1: [0n], 2: [0n] }]);
  const buckets = bucketsOf({ bucketType: 'exp2', bucketMin: 0, bucketMax: 1, bucketKeys: [], bucketMultiplier: 1 });
  const family = new Family({ name: 'h', help: 'H', type: 'histogram', labels: [], buckets }, { cap: 1 });
  family.series(new Uint8Array(), 0);
  const [classic] = inner(inner(message(family), 4)[0]!, 7);
  assert.deepEqual(Object.keys(classic!), ['1', '2', '3']);
});

test('many series are several messages of one family', () => {
  const family = new Family({ name: 'c', help: 'C', type: 'counter', labels: ['a'] }, { cap: 2000 });
  for (let i = 0; i < 1001; i++) {
    const bytes = Buffer.from(`a="${i}"`);
    family.series(bytes, bytes.length);
  }
  assert.equal([...familyMessages(family, Buffer.alloc(0))].length, 3);
});
