import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseListenAddress } from '../../../lib/listen-address.js';

test('listen addresses', () => {
  assert.deepEqual(parseListenAddress(':9435'), { host: '', port: 9435 });
  assert.deepEqual(parseListenAddress('localhost:0'), { host: 'localhost', port: 0 });
  assert.deepEqual(parseListenAddress('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseListenAddress('[::1]:9435'), { host: '::1', port: 9435 });
  for (const wrong of ['9435', 'localhost', '::1:80', ':70000', 'a b:1', ':x', '']) {
    assert.equal(parseListenAddress(wrong), undefined, wrong);
  }
});
