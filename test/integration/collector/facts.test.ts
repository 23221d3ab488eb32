import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Devices } from '../../../collector/facts/devices.js';
import { Kallsyms } from '../../../collector/facts/kallsyms.js';

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
  const kallsyms = new Kallsyms();
  const addresses = [...first.keys()];
  const step = Math.ceil(addresses.length / 2000);
  for (let i = 0; i < addresses.length; i += step) {
    const address = addresses[i]!;
    assert.equal((await kallsyms.exact(address))?.toString(), first.get(address));
  }
  const inside = addresses.find((address) => !first.has(address + 1n))! + 1n;
  assert.equal(await kallsyms.exact(inside), undefined, 'an address inside a function is none');
});

test('a symbol has its address, for kaddrs', async () => {
  const { address, name } = symbols().find((symbol) => symbol.name === 'tcp_v4_connect')!;
  assert.equal(await new Kallsyms().address(name), address);
  assert.equal(await new Kallsyms().address('no_such_symbol_here'), undefined);
});

test('an address that nobody knows costs one read a minute, not one a question', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'kallsyms');
  let now = 0;
  const kallsyms = new Kallsyms(file, () => now);
  writeFileSync(file, 'ffffffff81000000 T first\n');
  assert.equal(await kallsyms.exact(0xffffffffc0000000n), undefined);
  writeFileSync(file, 'ffffffff81000000 T first\nffffffffc0000000 t of_a_module\t[module]\n');
  now = 59_999;
  assert.equal(await kallsyms.exact(0xffffffffc0000000n), undefined, 'not read again yet');
  now = 60_000;
  assert.equal((await kallsyms.exact(0xffffffffc0000000n))?.toString(), 'of_a_module');
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
