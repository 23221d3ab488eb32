import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { native } from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { throwsNative } from '../../harness/native-assert.js';

describe('opening what is no BPF object', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-open-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, bytes: Uint8Array | string): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  const good = readFileSync(compileFixture('types'));

  it('names a missing file', () => {
    const error = throwsNative(() => native.open('/nonexistent/x.bpf.o'), {
      code: 'ENOENT',
      errno: 2,
      operation: 'open',
      object: 'x',
    });
    assert.match(error.message, /\/nonexistent\/x\.bpf\.o.*No such file/);
  });

  it('refuses a directory and a device', () => {
    throwsNative(() => native.open(folder), { code: 'EISDIR', errno: 21 });
    throwsNative(() => native.open('/dev/zero'), { code: 'NOT_ELF', errno: 0 });
  });

  it('tells text, nothing at all and a stub of an ELF header from ELF', () => {
    throwsNative(() => native.open(file('text.o', 'metrics: []\n'.repeat(20))), { code: 'NOT_ELF', object: 'text' });
    throwsNative(() => native.open(file('empty.o', '')), { code: 'NOT_ELF' });
    throwsNative(() => native.open(new Uint8Array([0x7f, 0x45, 0x4c, 0x46])), { code: 'NOT_ELF' });
  });

  it('tells an executable from a BPF object', () => {
    const error = throwsNative(() => native.open(process.execPath), { code: 'NOT_BPF', errno: 0 });
    assert.match(error.message, /is an ELF file but not a BPF object/);
  });

  it('tells the other byte order', () => {
    const other = new Uint8Array(good);
    other[5] = 2;
    const error = throwsNative(() => native.open(other, { name: 'big' }), { code: 'NOT_BPF', object: 'big' });
    assert.match(error.message, /byte order/);
  });

  it('refuses an object that was cut short, with what libbpf says', () => {
    const error = throwsNative(() => native.open(good.subarray(0, good.length >> 1), { name: 'cut' }), {
      object: 'cut',
    });
    assert.ok(['NOT_ELF', 'NOT_BPF'].includes(error.code), error.code);
    assert.match(error.log, /libbpf: /);
  });

  it('refuses arguments of the wrong type', () => {
    throwsNative(() => native.open(7 as unknown as string), { code: 'INVALID_ARGUMENT', operation: 'open' });
    throwsNative(() => native.open('a\0b'), { code: 'INVALID_ARGUMENT' });
    throwsNative(() => native.open(good, { name: 7 as unknown as string }), { code: 'INVALID_ARGUMENT' });
  });

  it('opens from bytes, with and without a name', () => {
    const bytes = new Uint8Array(good);
    const unnamed = native.open(bytes);
    bytes.fill(0);
    assert.equal(unnamed.name, 'object');
    assert.deepEqual(
      unnamed.maps.map(({ name }) => name),
      ['typed', 'untyped', 'typed_ring', 'typed_perf', 'untyped_perf'],
    );
    unnamed.close();
    const named = native.open(good, { name: 'mine' });
    assert.equal(named.name, 'mine');
    named.close();
  });

  it('takes the name from the file', () => {
    const object = native.open(compileFixture('types'));
    assert.equal(object.name, 'types');
    object.close();
  });

  it('reports BTF that cannot be read', () => {
    const object = native.open(compileFixture('refused'), { btfPath: file('btf', 'no BTF') });
    for (const program of object.programs) program.autoload = program.name === 'good';
    const outcome = (() => {
      try {
        object.load();
        return 'loaded';
      } catch {
        return 'refused';
      }
    })();
    // Without relocations libbpf need not read it; with them it must not be ignored silently. Either way nothing crashes.
    assert.ok(['loaded', 'refused'].includes(outcome));
    object.close();
  });
});
