import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BusRecord } from '../../../../wire/bus.js';
import { SendQueue, type Send } from '../../../../wire/kafka/send-queue.js';
import { keyOf, textOf } from '../../../harness/kafka-bus.js';

const LIMITS = { maxBytes: 100, maxRecords: 3 };
const [A, B] = [keyOf(0, 2), keyOf(1, 2)];

class Publishes {
  readonly queue = new SendQueue();
  readonly ended: string[] = [];

  add(name: string, ...records: BusRecord[]): void {
    this.queue.push({
      records,
      resolve: () => this.ended.push(name),
      reject: (error) => this.ended.push(`${name}: ${error.message}`),
    });
  }

  take(): string[] {
    return texts(this.queue.take(2, LIMITS));
  }
}

function record(key: string, text: string, bytes = text.length): BusRecord {
  return { key, value: Buffer.from(text.padEnd(bytes)) };
}

function texts(send: Send): string[] {
  return send.records.map((sent) => textOf(sent).trim());
}

test('records of several publishes go out together, in order, up to the bounds', () => {
  const publishes = new Publishes();
  publishes.add('first', record(A, 'a1'), record(A, 'a2'));
  publishes.add('second', record(A, 'a3'), record(A, 'a4'));
  assert.deepEqual(publishes.take(), ['a1', 'a2', 'a3']);
  publishes.queue.done();
  assert.deepEqual(publishes.ended, ['first']);
  assert.deepEqual(publishes.take(), ['a4']);
  publishes.queue.done();
  assert.deepEqual(publishes.ended, ['first', 'second']);
  assert.equal(publishes.queue.bytes, 0);
});

test('a send is of one partition; what is too much does not let later records pass', () => {
  const publishes = new Publishes();
  publishes.add('mixed', record(A, 'a1', 60), record(B, 'b1'), record(A, 'a2', 60), record(A, 'a3', 1));
  assert.deepEqual(publishes.take(), ['a1']);
  publishes.queue.done();
  assert.deepEqual(publishes.take(), ['b1']);
  publishes.queue.done();
  assert.deepEqual(publishes.take(), ['a2', 'a3']);
  assert.deepEqual(publishes.ended, []);
  publishes.queue.done();
  assert.deepEqual(publishes.ended, ['mixed']);
});

test('a record larger than a send goes alone', () => {
  const publishes = new Publishes();
  publishes.add('large', record(A, 'large', 500), record(A, 'a2'));
  assert.deepEqual(publishes.take(), ['large']);
  publishes.queue.done();
  assert.deepEqual(publishes.take(), ['a2']);
});

test('what was put back goes out before all that came after it', () => {
  const publishes = new Publishes();
  publishes.add('first', record(A, 'a1'), record(A, 'a2'));
  publishes.take();
  publishes.add('second', record(A, 'a3'));
  publishes.queue.putBack();
  assert.deepEqual(publishes.take(), ['a1', 'a2', 'a3']);
});

test('a send that fails for itself rejects its publishes, with what waits of them, and no others', () => {
  const publishes = new Publishes();
  publishes.add('both', record(A, 'a1'), record(B, 'b1'));
  publishes.add('other', record(B, 'b2'));
  publishes.take();
  publishes.queue.fail(new Error('too large'));
  assert.deepEqual(publishes.ended, ['both: too large']);
  assert.deepEqual(publishes.take(), ['b2']);
  publishes.queue.done();
  assert.equal(publishes.queue.bytes, 0);
});

test('when the brokers are away everything rejects, so that nothing overtakes what is sent again', () => {
  const publishes = new Publishes();
  publishes.add('first', record(A, 'a1'));
  publishes.take();
  publishes.add('second', record(A, 'a2'));
  publishes.queue.failAll(new Error('away'));
  assert.deepEqual(publishes.ended, ['first: away', 'second: away']);
  assert.ok(publishes.queue.isEmpty);
  assert.equal(publishes.queue.bytes, 0);
});
