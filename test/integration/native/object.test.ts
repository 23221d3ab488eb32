import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { native, type BpfObject } from '../../../native/index.js';
import { runChild } from '../../harness/child.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { KILL_SYSCALL } from '../../harness/event-fixture.js';
import { findMap, findProgram, throwsNative, u32, u64 } from '../../harness/native-assert.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

const HOOK_TP_BTF = 0;
const HOOK_RAW_TP = 1;
const ATTACH_CHILD = join(import.meta.dirname, 'attach-child.js');

function openAttach(only: string): BpfObject {
  const object = native.open(compileFixture('attach'));
  object.setGlobal('target_tgid', process.pid);
  object.setGlobal('target_syscall', KILL_SYSCALL);
  for (const program of object.programs) program.autoload = program.name === only;
  return object;
}

function openRefused(...wanted: string[]): BpfObject {
  const object = native.open(compileFixture('refused'));
  for (const program of object.programs) program.autoload = wanted.includes(program.name);
  return object;
}

function count(object: BpfObject, hook: number): bigint | undefined {
  const value = findMap(object, 'counts').lookup(u32(hook));
  assert.ok(value);
  return new BigUint64Array(value.buffer)[0];
}

function killTimes(times: number): void {
  for (let i = 0; i < times; i++) process.kill(process.pid, 0);
}

describe('BPF object', { skip: skipUnlessRoot }, () => {
  it('describes its programs and maps', () => {
    const object = native.open(compileFixture('attach'));
    assert.deepEqual(
      object.programs.map(({ name, section, type, autoload, loaded }) => ({ name, section, type, autoload, loaded })),
      [
        { name: 'count_tp_btf', section: 'tp_btf/sys_enter', type: 'tracing', autoload: true, loaded: false },
        { name: 'count_raw_tp', section: 'raw_tp/sys_enter', type: 'raw_tracepoint', autoload: true, loaded: false },
        {
          name: 'count_tracepoint',
          section: 'tracepoint/syscalls/sys_enter_kill',
          type: 'tracepoint',
          autoload: true,
          loaded: false,
        },
      ],
    );
    assert.deepEqual(
      object.maps.map(({ name, type, keySize, valueSize, maxEntries, flags, perCpu }) => {
        return { name, type, keySize, valueSize, maxEntries, flags, perCpu };
      }),
      [
        { name: 'counts', type: 'array', keySize: 4, valueSize: 8, maxEntries: 3, flags: 0, perCpu: false },
        { name: 'seen', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, flags: 0, perCpu: false },
      ],
    );
    object.close();
  });

  for (const [program, hook] of [
    ['count_tp_btf', HOOK_TP_BTF],
    ['count_raw_tp', HOOK_RAW_TP],
  ] as const) {
    it(`${program}: counts exactly while attached`, () => {
      const object = openAttach(program);
      object.load();
      killTimes(5);
      assert.equal(count(object, hook), 0n);
      const link = findProgram(object, program).attach();
      killTimes(23);
      assert.equal(count(object, hook), 23n);
      link.close();
      link.close();
      killTimes(5);
      assert.equal(count(object, hook), 23n);
      findProgram(object, program).attach();
      killTimes(1);
      assert.equal(count(object, hook), 24n);
      object.close();
    });
  }

  it('count_tracepoint: counts exactly, where tracefs is mounted', async () => {
    const mount = 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"';
    const result = await runChild(ATTACH_CHILD, ['count_tracepoint', '2'], {
      prefix: ['unshare', '--mount', 'sh', '-c', mount, 'sh'],
    });
    assert.deepEqual(result, { status: 0, signal: null, stdout: '23', stderr: '' });
  });

  it('count_tracepoint: says where it looked when tracefs is not mounted', async () => {
    const unmount = 'umount /sys/kernel/tracing 2>/dev/null; umount /sys/kernel/debug 2>/dev/null; exec "$@"';
    const result = await runChild(ATTACH_CHILD, ['count_tracepoint', '2'], {
      prefix: ['unshare', '--mount', 'sh', '-c', unmount, 'sh'],
    });
    assert.equal(result.status, 1);
    assert.match(result.stderr, /cannot attach program 'count_tracepoint' of attach .*\(ENOENT\)/);
    assert.match(result.stderr, /failed to determine tracepoint/);
  });

  it('loads on the thread pool, as it does at once', async () => {
    const object = openAttach('count_raw_tp');
    const load = object.loadAsync();
    throwsNative(() => object.load(), { code: 'ALREADY_LOADED' });
    throwsNative(() => findProgram(object, 'count_raw_tp').attach(), { code: 'NOT_LOADED' });
    await load;
    const link = findProgram(object, 'count_raw_tp').attach();
    killTimes(3);
    assert.equal(count(object, HOOK_RAW_TP), 3n);
    link.close();
    object.close();
  });

  it('rejects on the thread pool with what it throws at once', async () => {
    const open = (): BpfObject => {
      const object = native.open(compileFixture('refused'));
      for (const program of object.programs) program.autoload = program.name === 'unverifiable';
      return object;
    };
    const [now, later] = [open(), open()];
    const thrown = throwsNative(() => now.load(), { program: 'unverifiable' });
    await assert.rejects(later.loadAsync(), { code: thrown.code, program: 'unverifiable', message: thrown.message });
  });

  it('closed while it is loaded: rejects, and frees all of it', async () => {
    const objects = Array.from({ length: 6 }, () => openAttach('count_raw_tp'));
    const loads = objects.map((object) => object.loadAsync());
    for (const load of loads) load.catch(() => undefined); // they are awaited one after the other
    for (const object of objects) object.close();
    for (const load of loads) await assert.rejects(load, { code: 'CLOSED' });
  });

  it('leaves out a program whose autoload is off', () => {
    const object = openAttach('count_raw_tp');
    object.load();
    assert.deepEqual(
      object.programs.map(({ loaded }) => loaded),
      [false, true, false],
    );
    throwsNative(() => findProgram(object, 'count_tp_btf').attach(), { code: 'NOT_LOADED', program: 'count_tp_btf' });
    object.close();
  });

  it('reads program info', () => {
    const object = openAttach('count_raw_tp');
    const program = findProgram(object, 'count_raw_tp');
    throwsNative(() => program.info(), { code: 'NOT_LOADED', operation: 'info', program: 'count_raw_tp' });
    object.load();
    const info = program.info();
    assert.ok(info.id > 0);
    assert.match(info.tag, /^[0-9a-f]{16}$/);
    assert.equal(typeof info.runTimeNs, 'bigint');
    assert.equal(typeof info.runCount, 'bigint');
    object.close();
  });

  it('refuses every call of another state', () => {
    const object = openAttach('count_raw_tp');
    const program = findProgram(object, 'count_raw_tp');
    const map = findMap(object, 'counts');
    throwsNative(() => map.lookup(u32(0)), {
      code: 'NOT_LOADED',
      operation: 'lookup',
      object: 'attach',
      map: 'counts',
    });
    throwsNative(() => map.id, { code: 'NOT_LOADED' });
    throwsNative(() => map.openReader(), { code: 'NOT_LOADED' });
    object.load();
    throwsNative(() => object.load(), { code: 'ALREADY_LOADED', operation: 'load' });
    throwsNative(() => object.setGlobal('target_tgid', 1), { code: 'ALREADY_LOADED' });
    throwsNative(() => (program.autoload = false), { code: 'ALREADY_LOADED' });
    throwsNative(() => (map.maxEntries = 9), { code: 'ALREADY_LOADED', map: 'counts' });
    const link = program.attach();
    const reader = map.openReader();
    object.close();
    object.close();
    link.close();
    throwsNative(() => object.load(), { code: 'CLOSED' });
    throwsNative(() => program.attach(), { code: 'CLOSED' });
    throwsNative(() => map.lookup(u32(0)), { code: 'CLOSED' });
    throwsNative(() => object.setGlobal('target_tgid', 1), { code: 'CLOSED' });
    throwsNative(() => reader.nextSync(), { code: 'CLOSED', map: 'counts' });
    assert.equal(program.loaded, false);
  });

  it('resizes a map before load', () => {
    const object = openAttach('count_raw_tp');
    const map = findMap(object, 'counts');
    map.maxEntries = 77;
    assert.equal(map.maxEntries, 77);
    throwsNative(() => (map.maxEntries = 0), { code: 'INVALID_ARGUMENT', map: 'counts' });
    throwsNative(() => (map.maxEntries = 1.5), { code: 'INVALID_ARGUMENT' });
    object.load();
    assert.ok(map.lookup(u32(76)));
    assert.equal(map.lookup(u32(77)), null);
    object.close();
  });

  it('looks up, updates and deletes', () => {
    const object = native.open(compileFixture('maps'));
    object.load();
    const map = findMap(object, 'hash');
    assert.ok(map.id > 0);
    assert.equal(map.lookup(u32(1)), null);
    map.update(u32(1), u64(42n));
    assert.deepEqual(map.lookup(u32(1)), u64(42n));
    assert.equal(map.delete(u32(1)), true);
    assert.equal(map.delete(u32(1)), false);
    throwsNative(() => map.lookup(new Uint8Array(3)), { code: 'INVALID_ARGUMENT', map: 'hash' });
    throwsNative(() => map.update(u32(1), new Uint8Array(4)), { code: 'INVALID_ARGUMENT', map: 'hash' });
    throwsNative(() => map.lookup('x' as unknown as Uint8Array), { code: 'INVALID_ARGUMENT', map: 'hash' });
    throwsNative(() => findMap(object, 'array').delete(u32(1)), { code: 'EINVAL', errno: 22, operation: 'delete' });
    object.close();
  });
});

describe('const volatile globals', { skip: skipUnlessRoot }, () => {
  const seen = (value: bigint | number | boolean | Uint8Array): bigint | undefined => {
    const object = openAttach('count_raw_tp');
    object.setGlobal('small_global', value);
    object.setGlobal('count_twice', true);
    object.load();
    findProgram(object, 'count_raw_tp').attach();
    killTimes(1);
    const bytes = findMap(object, 'seen').lookup(u32(0));
    assert.ok(bytes);
    assert.equal(count(object, HOOK_RAW_TP), 2n);
    object.close();
    return new BigInt64Array(bytes.buffer)[0];
  };

  it('reach the program in their own size', () => {
    assert.equal(seen(1234), 1234n);
    assert.equal(seen(-7), -7n);
    assert.equal(seen(-7n), -7n);
    assert.equal(seen(true), 1n);
    assert.equal(seen(0xffff), -1n);
    assert.equal(seen(new Uint8Array(new Int16Array([-2]).buffer)), -2n);
  });

  it('are found by name', () => {
    const object = openAttach('count_raw_tp');
    assert.equal(object.hasGlobal('small_global'), true);
    assert.equal(object.hasGlobal('no_such_global'), false);
    throwsNative(() => object.setGlobal('no_such_global', 1), { code: 'NO_SUCH_GLOBAL', object: 'attach' });
    object.close();
  });

  it('refuse what does not fit', () => {
    const object = openAttach('count_raw_tp');
    throwsNative(() => object.setGlobal('small_global', 0x10000), { code: 'GLOBAL_SIZE' });
    throwsNative(() => object.setGlobal('small_global', -0x8001), { code: 'GLOBAL_SIZE' });
    throwsNative(() => object.setGlobal('small_global', new Uint8Array(4)), { code: 'GLOBAL_SIZE' });
    throwsNative(() => object.setGlobal('small_global', 1.5), { code: 'INVALID_ARGUMENT' });
    throwsNative(() => object.setGlobal('small_global', 2 ** 60), { code: 'INVALID_ARGUMENT' });
    object.close();
  });
});

describe('programs that the kernel refuses', { skip: skipUnlessRoot }, () => {
  it('names the program that the verifier rejects, with its log', () => {
    const object = openRefused('good', 'unverifiable');
    const error = throwsNative(() => object.load(), {
      code: 'EACCES',
      errno: 13,
      operation: 'load',
      object: 'refused',
      program: 'unverifiable',
    });
    assert.match(error.log, /invalid mem access 'map_value_or_null'/);
    assert.match(error.message, /cannot load BPF object refused, program 'unverifiable'/);
    throwsNative(() => object.load(), { code: 'ALREADY_LOADED' });
    throwsNative(() => findProgram(object, 'good').attach(), { code: 'NOT_LOADED' });
    throwsNative(() => findMap(object, 'small_map').lookup(u32(0)), { code: 'NOT_LOADED' });
    object.close();
  });

  it('loads the rest when it is opened again without that program', () => {
    const object = openRefused('good');
    object.load();
    findProgram(object, 'good').attach();
    object.close();
  });

  it('names a program whose tracepoint does not exist', () => {
    const object = openRefused('on_missing');
    const error = throwsNative(() => object.load(), { code: 'ESRCH', program: 'on_missing' });
    assert.match(error.log, /sonde_no_such_tracepoint/);
    object.close();
  });

  it('names a map that the kernel refuses', () => {
    const object = openRefused('good');
    findMap(object, 'small_map').maxEntries = 0xffff_ffff;
    const error = throwsNative(() => object.load(), { operation: 'load', program: '', map: 'small_map' });
    assert.ok(error.errno > 0);
    object.close();
  });

  it('reports fentry where this kernel does not permit it', (test) => {
    const object = openRefused('on_fentry');
    try {
      object.load();
    } catch {
      object.close();
      throwsNative(() => openRefused('on_fentry').load(), { code: 'EPERM', errno: 1, program: 'on_fentry' });
      return;
    }
    object.close();
    test.skip('this kernel permits fentry');
  });

  it('reports kprobes where this kernel has none', (test) => {
    const object = openRefused('on_kprobe');
    object.load();
    try {
      findProgram(object, 'on_kprobe').attach();
      test.skip('this kernel has kprobes');
    } catch {
      const error = throwsNative(() => findProgram(object, 'on_kprobe').attach(), {
        code: 'ENOENT',
        errno: 2,
        operation: 'attach',
        object: 'refused',
        program: 'on_kprobe',
      });
      assert.match(error.message, /kprobe\/do_nanosleep/);
    } finally {
      object.close();
    }
  });

  it('reports a section that says nothing of where to attach', () => {
    const object = openRefused('unattachable');
    object.load();
    throwsNative(() => findProgram(object, 'unattachable').attach(), { operation: 'attach', program: 'unattachable' });
    object.close();
  });
});

describe('clock anchor', () => {
  it('brackets the three clocks', () => {
    const before = process.hrtime.bigint();
    const anchor = native.clockAnchor();
    const after = process.hrtime.bigint();
    assert.ok(anchor.monotonicNs >= before && anchor.monotonicNs <= after);
    assert.ok(anchor.uncertaintyNs >= 0n && anchor.uncertaintyNs < 50_000_000n);
    assert.ok(Math.abs(Number(anchor.realtimeNs / 1_000_000n) - Date.now()) < 1000);
    assert.ok(anchor.boottimeNs + anchor.uncertaintyNs >= anchor.monotonicNs);
  });

  it('tells its libbpf and CPUs', () => {
    assert.match(native.libbpfVersion, /^\d+\.\d+$/);
    assert.ok(native.possibleCpus() >= 1);
  });
});
