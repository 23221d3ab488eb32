import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Runs `work` on one CPU. */
export function onCpu(cpu: number, work: () => void): void {
  const before = execFileSync('taskset', ['-p', String(process.pid)], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .at(-1)!;
  execFileSync('taskset', ['-cp', String(cpu), String(process.pid)]);
  try {
    work();
  } finally {
    execFileSync('taskset', ['-p', before, String(process.pid)]);
  }
}

/** CPUs that this process may run on, the first and the last of them. */
export function twoCpus(): [number, number] {
  const list = execFileSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .at(-1)!;
  const numbers = list.split(/[,-]/).map(Number);
  return [numbers[0]!, numbers.at(-1)!];
}

/** How many CPUs the kernel may ever have: their numbers are below that. From a list such as `0-3`. */
export function possibleCpus(): number {
  return Number(readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim().split(/[,-]/).at(-1)) + 1;
}
