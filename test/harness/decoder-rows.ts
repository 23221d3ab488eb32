import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { bpftool, programsOf, signalNobody } from './bpf-fixture.js';

/** `decoders.bpf.c` has it so, and its maps in this order. */
const COMMAND = 0x1800_0000;
const MAPS = [
  'syscall',
  'errno',
  'regexp',
  'bytes',
  'ifname',
  'majorminor',
  'pci_vendor',
  'pci_device',
  'pci_class',
  'pci_subclass',
  'ksym',
  'kstack',
  'cgroup',
  'dname',
] as const;
export type DecoderMap = (typeof MAPS)[number];

/** Where a host has `pci.ids`. */
const PCI_IDS = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids'];

/** Adds 1 to a row of a map of `decoders.bpf.c`: that of the number, a u32, or of what the kernel knows of this process. */
export function count(map: DecoderMap, number = 0): void {
  signalNobody(COMMAND + MAPS.indexOf(map), number | 0);
}

/** One row of each map that asks the host at least, known to it or not. */
export function countAll(): void {
  for (const number of [0, 59, 221, 9999]) count('syscall', number);
  for (const number of [2, 95, 4000]) count('errno', number);
  for (const number of [17, 5]) count('regexp', number);
  count('bytes', 0x62ff61);
  for (const number of [1, 0x7fff_fff0]) count('ifname', number);
  for (const number of [...blockDevices().map(({ number }) => number), 0xfff0_0001]) count('majorminor', number);
  for (const number of [0x8086, 0xfffe]) count('pci_vendor', number);
  for (const number of [0x8086_1237, 1]) count('pci_device', number);
  for (const number of [3, 0xee]) count('pci_class', number);
  for (const number of [0x300, 0x377, 0xee01]) count('pci_subclass', number);
  for (const offset of [0, 1]) count('ksym', offset);
  for (const map of ['kstack', 'cgroup', 'dname'] as const) count(map);
}

/** Of /proc/partitions, the first two. Numbers as the kernel has them: 12 bits, then 20. */
export function blockDevices(): { number: number; name: string }[] {
  const lines = [...readFileSync('/proc/partitions', 'latin1').matchAll(/^ *(\d+) +(\d+) +\d+ (\S+)$/gm)];
  return lines
    .slice(0, 2)
    .map(([, major, minor, name]) => ({ number: Number(major) * 2 ** 20 + Number(minor), name: name! }));
}

export function hasPciIds(): boolean {
  return PCI_IDS.some((path) => existsSync(path));
}

/** Where a function of the kernel starts. */
export function kernelAddressOf(symbol: string): bigint {
  const line = new RegExp(`^(\\w+) T ${symbol}$`, 'm').exec(readFileSync('/proc/kallsyms', 'latin1'));
  return BigInt(`0x${line![1]!}`);
}

/** A veth pair of which one end has this index, until the test ends. */
export function addInterface(t: TestContext, name: string, index: number): void {
  execFileSync('ip', ['link', 'add', name, 'index', String(index), 'type', 'veth', 'peer', 'name', `${name}p`]);
  t.after(() => execFileSync('ip', ['link', 'del', `${name}p`]));
}

/** The stacks that a process's `decoders.bpf.c` has noted, as symbols: each the one of code next below, found by looking at all. */
export function stacksOf(pid: number): string[] {
  const lines = readFileSync('/proc/kallsyms', 'latin1').split('\n');
  const symbols = lines.flatMap((line) => {
    const [, address, name] = /^(\w+) [tTwW] ([^\t]+)/.exec(line) ?? [];
    return name === undefined ? [] : [{ address: BigInt(`0x${address}`), name }];
  });
  const nameOf = (address: bigint): string => {
    let best = symbols[0]!;
    for (const symbol of symbols) if (symbol.address <= address && symbol.address > best.address) best = symbol;
    return best.name;
  };
  return stackKeys(pid).map((key) => {
    const frames = [...new BigUint64Array(Uint8Array.from(key).buffer)];
    const end = frames.indexOf(0n);
    return frames
      .slice(0, end < 0 ? frames.length : end)
      .map(nameOf)
      .join('\n');
  });
}

function stackKeys(pid: number): number[][] {
  for (const program of programsOf(pid)) {
    const { map_ids: ids = [] } = bpftool('prog', 'show', 'id', String(program)) as { map_ids?: number[] };
    for (const id of ids) {
      const { name } = bpftool('map', 'show', 'id', String(id)) as { name: string };
      // The kernel keeps 15 characters of a name.
      if (name !== 'test_kstack_tot') continue;
      const rows = bpftool('map', 'dump', 'id', String(id)) as { key: string[] }[];
      return rows.map(({ key }) => key.map((byte) => parseInt(byte, 16)));
    }
  }
  throw new Error(`process ${pid} has no map of stacks`);
}
