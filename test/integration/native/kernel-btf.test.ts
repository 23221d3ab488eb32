import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import test from 'node:test';
import { native, NativeError } from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

/** Bytes that this process has read so far, of all files. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

test("the kernel's BTF", { skip: skipUnlessRoot }, async (t) => {
  const { size } = statSync('/sys/kernel/btf/vmlinux');
  const needy = [compileFixture('variants', 'bpf'), 'by_tracepoint'] as const;
  const refused = [compileFixture('refused'), 'on_missing'] as const;

  /** How often it is read while as many objects that need it are loaded and closed. */
  function readsOf(objects: number, path: string, program: string): number {
    const before = bytesRead();
    for (let i = 0; i < objects; i++) {
      const object = native.open(path);
      for (const one of object.programs) one.autoload = one.name === program;
      if (path === refused[0]) assert.throws(() => object.load(), NativeError);
      else object.load();
      object.close();
    }
    return Math.round((bytesRead() - before) / size);
  }

  await t.test('is read once for many objects', () => {
    native.trimMemory();
    assert.equal(readsOf(5, ...needy), 1);
  });

  await t.test('is read anew after memory was trimmed, and once', () => {
    native.trimMemory();
    native.trimMemory();
    assert.equal(readsOf(5, ...needy), 1);
  });

  await t.test('outlives objects that do not load', () => {
    native.trimMemory();
    assert.equal(readsOf(1, ...needy), 1);
    assert.equal(readsOf(3, ...refused), 0);
    assert.equal(readsOf(3, ...needy), 0);
  });
});
