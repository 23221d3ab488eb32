import type { DecoderFactory } from './decoder.js';
import { decimalOf } from './number.js';
import { namesByNumber } from './tables/names-by-number.js';
import { SYSCALLS } from './tables/syscalls.js';

const tables = new Map<string, ReadonlyMap<bigint, Uint8Array>>();

/**
 * The decimal text of a system call's number → its name on the host's architecture; `unknown_syscall:<number>` when there is none, and
 * on architectures that there is no table of.
 */
export const syscall: DecoderFactory = () => (input, context) => {
  const number = decimalOf(input, 'syscall');
  return namesOf(context.arch).get(number) ?? Buffer.from(`unknown_syscall:${number}`);
};

function namesOf(arch: string): ReadonlyMap<bigint, Uint8Array> {
  if (!Object.hasOwn(SYSCALLS, arch)) return NONE;
  let names = tables.get(arch);
  if (names === undefined) tables.set(arch, (names = namesByNumber(SYSCALLS[arch]!)));
  return names;
}

const NONE: ReadonlyMap<bigint, Uint8Array> = new Map();
