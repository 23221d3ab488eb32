import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { KernelFeatures } from '../../../collector/probe/kernel-features.js';
import type { KernelFeature, VariantConditions } from '../../../wire/config/schema.js';

const SYMBOLS = `ffffffff81000000 T vfs_read
ffffffff81000010 t tcp_v4_connect.isra.0
ffffffff81000020 D some_data
0000000000000000 W weak_one
ffffffffc0000000 t nf_hook\t[nf_tables]
`;

/** On a kernel that has these features. `asked`: what was tried. */
function kernel(t: TestContext, has: readonly KernelFeature[]): { features: KernelFeatures; asked: KernelFeature[] } {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-features-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const kallsyms = join(folder, 'kallsyms');
  writeFileSync(kallsyms, SYMBOLS);
  const asked: KernelFeature[] = [];
  const native = {
    readFile: (path: string) => readFile(path),
    hasFeature: (name: KernelFeature) => (asked.push(name), has.includes(name)),
  };
  return { features: new KernelFeatures(native, 'x86_64', kallsyms), asked };
}

function when(
  features: readonly (readonly [KernelFeature, boolean])[],
  functions: readonly string[] = [],
  arch: readonly string[] = [],
): VariantConditions {
  return { features: new Map(features), functions, arch };
}

test('without conditions every kernel will do, and nothing is tried', async (t) => {
  const { features, asked } = kernel(t, []);
  assert.equal(await features.unmet(when([])), undefined);
  assert.deepEqual(asked, []);
});

test('a feature that must be there, and one that must not', async (t) => {
  const { features, asked } = kernel(t, ['tp_btf']);
  assert.equal(await features.unmet(when([['tp_btf', true], ['kprobe', false]])), undefined); // prettier-ignore
  assert.equal(await features.unmet(when([['kprobe', true]])), 'this kernel lacks kprobe');
  assert.equal(await features.unmet(when([['tp_btf', false]])), 'this kernel has tp_btf');
  assert.deepEqual(asked, ['tp_btf', 'kprobe'], 'each is tried once');
});

test('all functions must be there, by their whole names; data are none', async (t) => {
  const { features } = kernel(t, []);
  assert.equal(await features.unmet(when([], ['vfs_read', 'weak_one', 'nf_hook'])), undefined);
  for (const name of ['tcp_v4_connect', 'some_data', 'vfs_rea', 'fs_read'])
    assert.equal(await features.unmet(when([], ['vfs_read', name])), `this kernel has no function ${name}`);
});

test('one of the architectures', async (t) => {
  const { features } = kernel(t, []);
  assert.equal(await features.unmet(when([], [], ['aarch64', 'x86_64'])), undefined);
  assert.equal(
    await features.unmet(when([], [], ['aarch64', 's390x'])),
    'this machine is x86_64, not aarch64 or s390x',
  );
});

test('what a kernel lacks a feature for is refused once for all of its kind; what was wrong with one program, for that one', (t) => {
  const refusal = Object.assign(new Error('not permitted'), {
    ...{ code: 'EPERM', errno: 1, operation: 'load', object: 'o', program: 'p', map: '', log: '' },
  });
  const without = kernel(t, ['lsm']).features;
  assert.equal(without.refusalOf('fentry/vfs_read'), undefined, 'nothing is known before');
  without.refused('fentry/vfs_read', refusal);
  for (const section of ['fentry/tcp_connect', 'fexit/vfs_read', '?fentry.s/vfs_read'])
    assert.equal(without.refusalOf(section), refusal, section);
  for (const section of ['kprobe/vfs_read', 'tp_btf/softirq_entry'])
    assert.equal(without.refusalOf(section), undefined);
  without.refused('lsm/file_open', refusal);
  assert.equal(without.refusalOf('lsm/file_open'), undefined, 'the kernel has lsm: it was the program');
});
