import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { machine } from 'node:os';
import { test } from 'node:test';
import { namesByNumber } from '../../../aggregator/decode/tables/names-by-number.js';
import { SYSCALLS } from '../../../aggregator/decode/tables/syscalls.js';

/** System calls as the compiler finds them in this machine's own kernel headers, which are other ones than the table is made of. */
function ownSyscalls(): [name: string, number: number][] {
  const text = execFileSync('cc', ['-E', '-dM', '-include', 'asm/unistd.h', '-x', 'c', '/dev/null'], {
    encoding: 'utf8',
  });
  return [...text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name, number]) => [name!, Number(number)]);
}

test('this machine’s own system calls have the numbers of the table', () => {
  const names = namesByNumber(SYSCALLS[machine()]!);
  const own = ownSyscalls().filter(([name]) => !['syscalls', 'arch_specific_syscall'].includes(name));
  assert.ok(own.length > 250, `${own.length} found`);
  for (const [name, number] of own) {
    assert.equal(Buffer.from(names.get(BigInt(number)) ?? []).toString(), name, String(number));
  }
});
