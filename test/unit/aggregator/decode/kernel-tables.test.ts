import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { ERRORS } from '../../../../aggregator/decode/tables/errors.js';
import { namesByNumber } from '../../../../aggregator/decode/tables/names-by-number.js';
import { SYSCALLS } from '../../../../aggregator/decode/tables/syscalls.js';

test('errors have the numbers that libc has', () => {
  const names = namesByNumber(ERRORS);
  const own = new Set([...names.values()].map((name) => Buffer.from(name).toString()));
  /** Other names of errors that the table has by one. */
  const second = ['EWOULDBLOCK', 'ENOTSUP'];
  for (const [name, number] of Object.entries(constants.errno)) {
    if (second.includes(name)) continue;
    assert.equal(Buffer.from(names.get(BigInt(number))!).toString(), name);
  }
  assert.ok(own.size === names.size && own.size > 130, `${own.size} of ${names.size}`);
});

test('each architecture has its system calls, each once', () => {
  for (const [arch, least] of [
    ['x86_64', 370],
    ['aarch64', 320],
  ] as const) {
    const names = [...namesByNumber(SYSCALLS[arch]!).values()].map((name) => Buffer.from(name).toString());
    assert.ok(names.length >= least, `${names.length} for ${arch}`);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^_?[a-z][a-z0-9_]*$/);
  }
});
