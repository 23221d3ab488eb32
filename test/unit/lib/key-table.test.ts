import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyTable, NONE } from '../../../lib/key-table.js';
import { forSeeds } from '../../harness/seed.js';
import { randomInteger } from '../../../lib/random.js';

test('keys keep their ids while others come and go', () =>
  forSeeds(1, (random) => {
    for (const keySize of [1, 4, 6, 8, 23]) {
      const table = new KeyTable(keySize, 1);
      const known = new Map<string, number>();
      const detached: number[] = [];
      for (let step = 0; step < 20_000; step++) {
        const key = Buffer.alloc(keySize);
        key.writeUIntLE(randomInteger(random, keySize === 1 ? 200 : 3000), 0, Math.min(keySize, 2));
        const text = key.toString('hex');
        const words = table.load(key, 0);
        const id = table.find(words, 0);
        const guess = randomInteger(random, 3000);
        assert.equal(table.matches(guess, words, 0), guess === id, `step ${step}, guess ${guess}`);
        assert.equal(id, known.get(text) ?? NONE, `step ${step}, key ${text}`);
        if (id === NONE) {
          const added = table.add(words, 0);
          assert.ok(![...known.values()].includes(added) || step > 500, 'an id in use is not given out');
          known.set(text, added);
          assert.equal(Buffer.from(table.key(added)).toString('hex'), text);
        } else if (random() < 0.4) {
          known.delete(text);
          if (random() < 0.5) table.release(id);
          else {
            table.detach(id);
            detached.push(id);
          }
        }
        if (random() < 0.1 && detached.length > 0) table.release(detached.pop()!);
        assert.equal(table.size, known.size);
      }
      assert.equal(new Set(known.values()).size, known.size, 'ids are distinct');
    }
  }));

test('a detached key is found neither by its key nor by its id', () => {
  const table = new KeyTable(4);
  const key = Uint32Array.of(7);
  const id = table.add(key, 0);
  table.detach(id);
  assert.equal(table.find(key, 0), NONE);
  assert.equal(table.matches(id, key, 0), false);
  assert.equal(table.matches(NONE, key, 0), false);
  const again = table.add(key, 0);
  assert.notEqual(again, id, 'its id is not given out before it is released');
  assert.equal(table.find(key, 0), again);
});

test('words are handed out only where a key can be read as words', () => {
  const bytes = new Uint8Array(64);
  assert.equal(new KeyTable(8).wordsOf(bytes)?.length, 16);
  assert.equal(new KeyTable(6).wordsOf(bytes), null, 'size');
  assert.equal(new KeyTable(8).wordsOf(bytes.subarray(2)), null, 'alignment');
});

test('guesses are the ids, for keys that are there', () => {
  const table = new KeyTable(8);
  const words = new Uint32Array(2 * 1000);
  for (let i = 0; i < 1000; i++) words.set([i, i * 7], i * 2);
  for (let i = 0; i < 1000; i += 2) table.add(words, i * 2);
  const guesses = new Uint32Array(64);
  for (let row = 0; row < 1000; row += 64) {
    table.guess(words, row, guesses);
    for (let i = 0; i < 64 && row + i < 1000; i++) {
      const id = table.find(words, (row + i) * 2);
      if (id !== NONE) assert.equal(guesses[i], id);
    }
  }
});
