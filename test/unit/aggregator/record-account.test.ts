import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordAccount } from '../../../aggregator/record-account.js';

test('a buffer keeps its account, whoever asks for it, also when it is restored', () => {
  const account = new RecordAccount();
  const counts = account.of('probe', 'ring');
  counts.consumed = 3;
  account.of('probe', 'ring').failed++;
  account.of('probe', 'perf').skipped = 7;
  assert.deepEqual(account.entries(), [
    { config: 'probe', map: 'ring', consumed: 3, decoded: 0, skipped: 0, failed: 1 },
    { config: 'probe', map: 'perf', consumed: 0, decoded: 0, skipped: 7, failed: 0 },
  ]);
  const restored = new RecordAccount();
  restored.restore(JSON.parse(JSON.stringify(account.entries())) as ReturnType<RecordAccount['entries']>);
  restored.of('probe', 'ring').consumed++;
  assert.equal(restored.entries()[0]?.consumed, 4);
});

test('buffers of many configs go together in the end', () => {
  const account = new RecordAccount();
  for (let i = 0; i < 10_000; i++) account.of(`probe${i}`, i % 2 === 0 ? 'ring' : 'other').consumed++;
  const entries = account.entries();
  assert.equal(entries.length, 4097);
  assert.deepEqual([entries.at(-1)?.config, entries.at(-1)?.map], ['other', 'other']);
  assert.equal(
    entries.reduce((sum, { consumed }) => sum + consumed, 0),
    10_000,
  );
});
