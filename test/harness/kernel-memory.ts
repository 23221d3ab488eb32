import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const PT_LOAD = 1;

/** Address of a kernel symbol; undefined when /proc/kallsyms does not list it. */
export function kernelSymbol(name: string): bigint | undefined {
  const match = new RegExp(`^([0-9a-f]+) . ${name}$`, 'm').exec(readFileSync('/proc/kallsyms', 'latin1'));
  return match === null ? undefined : BigInt(`0x${match[1]!}`);
}

/** A u64 of the running kernel's memory, by /proc/kcore, an ELF file whose segments are the kernel's mappings. */
export function kernelU64(address: bigint): bigint {
  const file = openSync('/proc/kcore', 'r');
  try {
    const header = readAt(file, 64, 0n);
    const [at, size, count] = [header.readBigUInt64LE(32), header.readUInt16LE(54), header.readUInt16LE(56)];
    for (let i = 0; i < count; i++) {
      const segment = readAt(file, size, at + BigInt(i * size));
      const [start, bytes] = [segment.readBigUInt64LE(16), segment.readBigUInt64LE(40)];
      if (segment.readUInt32LE(0) !== PT_LOAD || address < start || address >= start + bytes) continue;
      return readAt(file, 8, segment.readBigUInt64LE(8) + address - start).readBigUInt64LE();
    }
  } finally {
    closeSync(file);
  }
  throw new Error(`no segment of /proc/kcore has ${address.toString(16)}`);
}

function readAt(file: number, bytes: number, position: bigint): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (readSync(file, buffer, 0, bytes, position) !== bytes) throw new Error('/proc/kcore is shorter than it says');
  return buffer;
}
