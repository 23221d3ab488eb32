import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inheritedDescriptor, parseListenAddress } from '../../../lib/listen-address.js';

test('listen addresses', () => {
  assert.deepEqual(parseListenAddress(':9435'), { host: '', port: 9435 });
  assert.deepEqual(parseListenAddress('localhost:0'), { host: 'localhost', port: 0 });
  assert.deepEqual(parseListenAddress('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
  assert.deepEqual(parseListenAddress('[::1]:9435'), { host: '::1', port: 9435 });
  assert.deepEqual(parseListenAddress('fd://0'), { fd: 0 });
  for (const wrong of [
    'fd://',
    'fd://-1',
    'fd://x',
    'fd://99999',
    '9435',
    'localhost',
    '::1:80',
    ':70000',
    'a b:1',
    ':x',
    '',
  ]) {
    assert.equal(parseListenAddress(wrong), undefined, wrong);
  }
});

test('sockets of systemd are counted from 0; beyond them, and when they are not for us, numbers are descriptors', () => {
  const systemd = { LISTEN_PID: '42', LISTEN_FDS: '2' };
  assert.equal(inheritedDescriptor(0, systemd, 42), 3);
  assert.equal(inheritedDescriptor(1, systemd, 42), 4);
  assert.equal(inheritedDescriptor(3, systemd, 42), 3);
  assert.equal(inheritedDescriptor(0, systemd, 43), 0);
  assert.equal(inheritedDescriptor(0, {}, 42), 0);
});
