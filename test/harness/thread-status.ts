import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CAPABILITY_SETS = ['CapPrm', 'CapEff', 'CapInh', 'CapBnd', 'CapAmb'];
export const NO_CAPABILITIES = '0'.repeat(16);

/** Each thread has these capabilities (as the kernel writes them) and no others, and cannot get any by executing a file. */
export function assertKept(pid: number, kept: string): void {
  assert.deepEqual(threadStatus(pid, [...CAPABILITY_SETS, 'NoNewPrivs']), {
    CapPrm: [kept],
    CapEff: [kept],
    CapInh: [NO_CAPABILITIES],
    CapBnd: [kept],
    CapAmb: [NO_CAPABILITIES],
    NoNewPrivs: ['1'],
  });
}

/** What the kernel says of a process's threads: name of the field → each value that a thread has, once. */
export function threadStatus(pid: number, fields: readonly string[]): Record<string, string[]> {
  const found = new Map(fields.map((field) => [field, new Set<string>()]));
  const folder = `/proc/${pid}/task`;
  for (const thread of readdirSync(folder)) {
    for (const line of readStatus(join(folder, thread, 'status')).split('\n')) {
      const [field = '', value = ''] = line.split(/:\s*/);
      found.get(field)?.add(value);
    }
  }
  return Object.fromEntries([...found].map(([field, values]) => [field, [...values].sort()]));
}

/** '' for a thread that has ended meanwhile. */
function readStatus(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
