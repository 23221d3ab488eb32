import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Devices } from '../../../collector/facts/devices.js';
import { Kallsyms } from '../../../collector/facts/kallsyms.js';
import { native } from '../../../native/index.js';

/** Lines of /proc/kallsyms with an address: what awk would say. */
function symbols(): { address: bigint; name: string }[] {
  return readFileSync('/proc/kallsyms', 'latin1')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/[ \t]/))
    .map(([address, , name]) => ({ address: BigInt(`0x${address}`), name: name! }));
}

test('symbols are found by the address they start at, the first listed one of several', async () => {
  const all = symbols();
  const first = new Map<bigint, string>();
  for (const { address, name } of all) if (address !== 0n && !first.has(address)) first.set(address, name);
  assert.ok(first.size > 10_000, 'the kernel shows addresses');
  const kallsyms = new Kallsyms(native);
  const addresses = [...first.keys()];
  const step = Math.ceil(addresses.length / 2000);
  for (let i = 0; i < addresses.length; i += step) {
    const address = addresses[i]!;
    assert.equal((await kallsyms.exact(address))?.toString(), first.get(address));
  }
  const inside = addresses.find((address) => !first.has(address + 1n))! + 1n;
  assert.equal(await kallsyms.exact(inside), undefined, 'an address inside a function is none');
});

test('an address within a function has its name: that of the nearest symbol of code at or below', async () => {
  const all = symbols();
  const code = readFileSync('/proc/kallsyms', 'latin1')
    .split('\n')
    .filter((line) => /^\w+ [tTwW] /.test(line));
  const starts = code.map((line) => BigInt(`0x${line.split(' ')[0]!}`));
  const kallsyms = new Kallsyms(native);
  for (let i = 0; i < all.length; i += Math.ceil(all.length / 50)) {
    for (const address of [all[i]!.address, all[i]!.address + 1n, all[i]!.address + 5n]) {
      // As slow as it is plain: all symbols are looked at.
      const nearest = starts.reduce((best, start) => (start <= address && start > best ? start : best), 0n);
      const name = all.find((symbol) => symbol.address === nearest)?.name;
      assert.equal((await kallsyms.nearest(address))?.toString(), name, address.toString(16));
    }
  }
  for (const address of [0n, 1n, 0x7fff_0000_1000n]) assert.equal(await kallsyms.nearest(address), undefined);
});

test('the nearest symbol is of code; what may be of a module that came later is looked for once a minute', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'kallsyms');
  let now = 0;
  const kallsyms = new Kallsyms(native, file, () => now);
  const name = async (address: bigint): Promise<string | undefined> => (await kallsyms.nearest(address))?.toString();
  const kernel = [
    '0000000000000000 A fixed_percpu_data',
    '0000000000014000 A in_percpu_data',
    'ffffffff81000000 T _stext',
    'ffffffff81000000 T first_alias',
    'ffffffff81000010 W weak',
    'ffffffff81000020 r data',
    'ffffffff81000040 t _einittext',
  ];
  const write = (...modules: string[]): void => writeFileSync(file, [...kernel, ...modules, ''].join('\n'));
  write('ffffffffc0000000 t old_function\t[old]');
  assert.equal(await name(0xffffffff81000000n), '_stext');
  assert.equal(await name(0xffffffff8100000fn), '_stext');
  assert.equal(await name(0xffffffff81000010n), 'weak');
  assert.equal(await name(0xffffffff8100002fn), 'weak');
  assert.equal(await name(0xffffffff80ffffffn), undefined);
  assert.equal(await name(0x14001n), undefined);
  assert.equal(await name(0x000fffff81000011n), undefined, 'an address of a process is none');
  assert.equal(await name(0xffffffffc0001234n), 'old_function');
  write('ffffffffc0000000 t old_function\t[old]', 'ffffffffc0001000 t new_function\t[new]');
  now = 59_999;
  assert.equal(await name(0xffffffffc0001234n), 'old_function');
  now = 60_000;
  kernel.pop();
  assert.equal(await name(0xffffffff81000011n), 'weak', 'of the kernel itself: not read again');
  assert.equal(await name(0xffffffffc0001234n), 'new_function');
});

test('what is read before it is asked for is read again for an address that it does not hold', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'sonde-kallsyms-')), 'kallsyms');
  t.after(() => rmSync(file));
  const kernel = 'ffffffff81000000 T first\nffffffff81000100 T last\n';
  writeFileSync(file, kernel);
  const reads: string[] = [];
  const counted = { readFile: (path: string) => (reads.push(path), native.readFile(path)) };
  const kallsyms = new Kallsyms(counted, file);
  kallsyms.expect();
  assert.equal((await kallsyms.nearest(0xffffffff81000010n))?.toString(), 'first');
  assert.equal(reads.length, 1, 'it was there already');
  writeFileSync(file, `${kernel}ffffffffa0000000 t bpf_prog_1\t[bpf]\n`);
  assert.equal((await kallsyms.nearest(0xffffffffa0000010n))?.toString(), 'bpf_prog_1');
  assert.equal((await kallsyms.exact(0xffffffffa0000000n))?.toString(), 'bpf_prog_1');
  assert.equal(reads.length, 2);
});

test('symbols are forgotten a minute after the last question, and read again for the next', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let reads = 0;
  const counted = { readFile: (path: string) => (reads++, native.readFile(path)) };
  const [{ address, name }] = symbols().filter((symbol) => symbol.address !== 0n) as [
    { address: bigint; name: string },
  ];
  const kallsyms = new Kallsyms(counted, '/proc/kallsyms');
  for (const [waitMs, expectedReads] of [
    [0, 1],
    [59_000, 1],
    [59_000, 1],
    [61_000, 2],
  ] as const) {
    t.mock.timers.tick(waitMs);
    assert.equal((await kallsyms.exact(address))?.toString(), name);
    assert.equal(reads, expectedReads, `after ${waitMs} ms more`);
  }
});

test('without addresses, as for who lacks the permission, nothing has a name', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'kallsyms');
  writeFileSync(file, '0000000000000000 T _stext\n0000000000000000 T weak\n');
  assert.equal(await new Kallsyms(native, file).nearest(0xffffffff81000000n), undefined);
});

test('a symbol has its address, for kaddrs', async () => {
  const { address, name } = symbols().find((symbol) => symbol.name === 'tcp_v4_connect')!;
  assert.equal(await new Kallsyms(native).address(name), address);
  assert.equal(await new Kallsyms(native).address('no_such_symbol_here'), undefined);
});

test('an address that nobody knows costs one read a minute, not one a question', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'kallsyms');
  let now = 0;
  const kallsyms = new Kallsyms(native, file, () => now);
  writeFileSync(file, 'ffffffff81000000 T first\n');
  assert.equal(await kallsyms.exact(0xffffffffc0000000n), undefined);
  writeFileSync(file, 'ffffffff81000000 T first\nffffffffc0000000 t of_a_module\t[module]\n');
  now = 59_999;
  assert.equal(await kallsyms.exact(0xffffffffc0000000n), undefined, 'not read again yet');
  now = 60_000;
  assert.equal((await kallsyms.exact(0xffffffffc0000000n))?.toString(), 'of_a_module');
});

test('a name that several functions have is found at each of their addresses', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'kallsyms');
  writeFileSync(file, 'ffffffff81000000 t twin\nffffffff81000010 t other\nffffffff81000020 t twin\n');
  const kallsyms = new Kallsyms(native, file);
  const names = [0xffffffff81000000n, 0xffffffff81000010n, 0xffffffff81000020n].map((address) =>
    kallsyms.exact(address),
  );
  assert.deepEqual((await Promise.all(names)).map(String), ['twin', 'other', 'twin']);
});

test('a network interface has the name that it has now', () => {
  const script = `
    const { native } = await import(${JSON.stringify(new URL('../../../native/index.js', import.meta.url).href)});
    const { execFileSync } = await import('node:child_process');
    const ip = (...args) => execFileSync('ip', args, { encoding: 'utf8' });
    const said = () => [0, 1, 77, 4294967295].map((index) => native.interfaceName(index)?.toString() ?? null);
    console.log(JSON.stringify(said()));
    ip('link', 'add', 'sonde-a', 'index', '77', 'type', 'veth', 'peer', 'name', 'sonde-b');
    console.log(JSON.stringify(said()));
    ip('link', 'set', 'sonde-a', 'name', 'sonde-é');
    console.log(JSON.stringify(said()));
    ip('link', 'del', 'sonde-b');
    console.log(JSON.stringify(said()));`;
  const run = ['--net', process.execPath, '--input-type=module', '-e', script];
  const lines = execFileSync('unshare', run, { encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as unknown[])[2]),
    [null, 'sonde-a', 'sonde-é', null],
  );
  for (const line of lines) assert.match(line, /^\[null,"lo",.*,null\]$/);
});

test('block devices have their names', async () => {
  const [, major, minor, name] = /^\s*(\d+)\s+(\d+)\s+\d+\s+(\S+)$/m.exec(readFileSync('/proc/partitions', 'latin1'))!;
  const devices = new Devices();
  assert.equal(await devices.name((BigInt(major!) << 20n) | BigInt(minor!)), name);
  assert.equal(await devices.name(0xfff_fffffn), undefined);
});

test('a disk that appears is found when it is first asked for, not seconds later', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'partitions');
  let now = 0;
  const devices = new Devices(file, () => now);
  writeFileSync(file, 'major minor  #blocks  name\n\n   8  0  100 sda\n');
  assert.equal(await devices.name(8n << 20n), 'sda');
  writeFileSync(file, 'major minor  #blocks  name\n\n   8  0  100 sda\n   8 16  100 sdb\n');
  now = 101;
  assert.equal(await devices.name((8n << 20n) | 16n), 'sdb');
});
