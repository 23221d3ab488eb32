import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { native, type KernelFeature } from '../../../native/index.js';
import { KERNEL_FEATURES } from '../../../wire/config/schema.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

test('features of this kernel', { skip: skipUnlessRoot }, async (t) => {
  await t.test('each that a config may name can be asked for, and none leaves a file open', () => {
    const files = (): number => readdirSync('/proc/self/fd').length;
    const before = files();
    for (const name of KERNEL_FEATURES) assert.equal(typeof native.hasFeature(name), 'boolean');
    assert.equal(files(), before);
    assert.throws(() => native.hasFeature('kernel_6_1' as KernelFeature), { code: 'INVALID_ARGUMENT' });
  });

  await t.test('map types, as bpftool finds them', () => {
    const probed = execFileSync('bpftool', ['-j', 'feature', 'probe', 'kernel'], { encoding: 'utf8' });
    const { map_types: types } = JSON.parse(probed) as { map_types: Record<string, boolean> };
    assert.equal(native.hasFeature('ringbuf'), types['have_ringbuf_map_type']);
  });

  await t.test('ways to attach, as programs find them', () => {
    assert.equal(native.hasFeature('fentry'), tries('by_fentry'));
    assert.equal(native.hasFeature('tp_btf'), tries('by_tracepoint'));
    assert.equal(native.hasFeature('kprobe'), tries('by_kprobe'));
  });

  await t.test('counters of the CPU, as sysfs lists them', () => {
    if (existsSync('/sys/bus/event_source/devices/cpu')) return; // it may still refuse to count
    assert.equal(native.hasFeature('perf_hardware'), false);
  });
});

/** Whether a program of variants.bpf.c loads and attaches. */
function tries(name: string): boolean {
  const object = native.open(compileFixture('variants', 'bpf'));
  try {
    const program = object.programs.find((candidate) => candidate.name === name)!;
    program.autoload = true;
    object.load();
    program.attach();
    return true;
  } catch {
    return false; // which is the answer
  } finally {
    object.close();
  }
}
