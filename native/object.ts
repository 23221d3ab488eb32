import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { requireBytes, requireString } from './arguments.js';
import { binding, type RawObject } from './binding.js';
import { NativeError } from './error.js';
import { globalBytes } from './globals.js';
import { NativeMap } from './map.js';
import { NativeProgram } from './program.js';
import type { BpfMap, BpfObject, BpfProgram, OpenOptions } from './types.js';

/** Name in the kernel and in errors of an object that was given as bytes without one. */
const UNNAMED = 'object';

/** Bit 21 of a set of capabilities. */
const CAP_SYS_ADMIN = 1n << 21n;

/**
 * '' lets libbpf look for types in the kernel's BTF, and for those that are not there in the BTF of its modules. Listing modules takes
 * CAP_SYS_ADMIN, and without it libbpf (seen with 1.1) gives the object up with EPERM, also when the program can do without the type. It looks
 * into no modules when it is given one BTF to use.
 */
function defaultBtfPath(): string {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'latin1'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & CAP_SYS_ADMIN) === 0n ? '/sys/kernel/btf/vmlinux' : '';
}

export class NativeObject implements BpfObject {
  readonly name: string;
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly BpfMap[];
  readonly #raw: RawObject;

  constructor(source: string | Uint8Array, options: OpenOptions = {}) {
    const place = { operation: 'open', object: options.name ?? '' };
    if (typeof source === 'string') requireString(place, 'source', source);
    else requireBytes(place, 'source', source);
    const defaultName = typeof source === 'string' ? basename(source).replace(/(\.bpf)?\.o$/, '') : UNNAMED;
    this.name = requireString(place, 'name', options.name ?? defaultName);
    this.#raw = binding().open(source, this.name, requireString(place, 'btfPath', options.btfPath ?? defaultBtfPath()));
    this.programs = this.#raw.programs().map((shape, i) => new NativeProgram(this.#raw, i, shape, this.name));
    this.maps = this.#raw.maps().map((shape, i) => new NativeMap(this.#raw, i, shape, this.name));
  }

  hasGlobal(name: string): boolean {
    return this.#raw.globalSize(requireString({ operation: 'find global', object: this.name }, 'name', name)) >= 0;
  }

  setGlobal(name: string, value: bigint | number | boolean | Uint8Array): void {
    const size = this.#raw.globalSize(requireString({ operation: 'set global', object: this.name }, 'name', name));
    if (size < 0) {
      throw new NativeError(`BPF object ${this.name} has no const volatile global '${name}'`, {
        code: 'NO_SUCH_GLOBAL',
        operation: 'set global',
        object: this.name,
      });
    }
    this.#raw.setGlobal(name, globalBytes(this.name, name, size, value));
  }

  load(): void {
    this.#raw.load();
  }

  loadAsync(): Promise<void> {
    return this.#raw.loadAsync();
  }

  close(): void {
    this.#raw.close();
  }
}
