import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabelWriter } from '../../../../aggregator/series/label-writer.js';

const NAME = Buffer.from('a="');

function written(value: Uint8Array): string {
  const writer = new LabelWriter();
  writer.label(NAME, value);
  const bytes = Buffer.from(writer.bytes.subarray(0, writer.length));
  assert.ok(Buffer.from(bytes.toString('utf8')).equals(bytes), 'is valid UTF-8');
  return bytes.toString('utf8');
}

test('the exposition format is escaped', () => {
  assert.equal(written(Buffer.from('plain')), 'a="plain"');
  assert.equal(written(Buffer.from('')), 'a=""');
  assert.equal(written(Buffer.from('a"b\\c\nd')), 'a="a\\"b\\\\c\\nd"');
  assert.equal(written(Buffer.from('größe 日本 🐝')), 'a="größe 日本 🐝"');
});

test('bytes that are no UTF-8 become U+FFFD and two hex digits, a real U+FFFD is doubled', () => {
  assert.equal(written(Buffer.from([0x41, 0xff, 0x42])), 'a="A\ufffdffB"');
  assert.equal(written(Buffer.from('\ufffd')), 'a="\ufffd\ufffd"');
  assert.equal(written(Buffer.from([0xc3])), 'a="\ufffdc3"', 'cut off');
  assert.equal(written(Buffer.from([0xc0, 0x80])), 'a="\ufffdc0\ufffd80"', 'overlong');
  assert.equal(written(Buffer.from([0xed, 0xa0, 0x80])), 'a="\ufffded\ufffda0\ufffd80"', 'surrogate');
  assert.equal(
    written(Buffer.from([0xf4, 0x90, 0x80, 0x80])),
    'a="\ufffdf4\ufffd90\ufffd80\ufffd80"',
    'above U+10FFFF',
  );
});

test('distinct bytes stay distinct', () => {
  const texts = new Set<string>();
  let count = 0;
  for (const bytes of [...allPairs(), Buffer.from('\ufffd'), Buffer.from('\ufffdff'), Buffer.from([0xff])]) {
    texts.add(written(bytes));
    count++;
  }
  assert.equal(texts.size, count);
});

function* allPairs(): Generator<Uint8Array> {
  for (let first = 0; first < 256; first += 3)
    for (let second = 0; second < 256; second += 5) yield Buffer.from([first, second]);
}

test('labels follow each other', () => {
  const writer = new LabelWriter();
  writer.label(NAME, Buffer.from('1'));
  writer.label(Buffer.from('b="'), Buffer.alloc(5000, 0x32));
  assert.equal(Buffer.from(writer.bytes.subarray(0, 12)).toString(), 'a="1",b="222');
  writer.reset();
  assert.equal(writer.length, 0);
  assert.throws(() => writer.label(NAME, new Uint8Array(100_000)), RangeError);
});
