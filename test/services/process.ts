import { readFileSync } from 'node:fs';

/** A process, and when it started, so that a later one of the same number is not taken for it. */
export interface Process {
  readonly pid: number;
  /** In ticks since boot, as text. */
  readonly started: string;
}

/** The process that has this number now; undefined when none has, or only one that has ended and waits to be collected. */
export function findProcess(pid: number): Process | undefined {
  try {
    // After the name, which may have blanks: the state is the first word, the start the twentieth.
    const words = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
    return words[0] === 'Z' ? undefined : { pid, started: words[19]! };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function isAlive({ pid, started }: Process): boolean {
  return findProcess(pid)?.started === started;
}
