import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketIndex, familyDifference, withoutBucket, type Family } from '../../../../wire/config/family.js';

const buckets: [string[], number, string[]][] = [
  [[], -1, []],
  [['bucket'], 0, []],
  [['device', 'bucket'], 1, ['device']],
  [['device', 'bucket', 'cpu'], 1, ['device', 'cpu']],
  [['bucket', 'cpu'], 0, ['cpu']],
  [['cpu'], 0, []],
];
for (const [labels, index, exported] of buckets) {
  test(`of [${labels.join()}] the bucket is ${index}`, () => {
    assert.equal(bucketIndex(labels), index);
    assert.deepEqual(withoutBucket(labels), exported);
  });
}

test('labels in another order are the same family', () => {
  const family: Family = { name: 'x', type: 'counter', help: 'X', labels: ['a', 'b'], buckets: '', limits: '' };
  assert.equal(familyDifference(family, { ...family, labels: ['b', 'a'] }), null);
  assert.equal(familyDifference(family, { ...family, labels: ['b'] }), 'other labels (a, b there, b here)');
});
