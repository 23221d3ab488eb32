import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Another process has the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';

  constructor(path: string, pid: string) {
    super(`${path} says that process ${pid} uses this folder: stop it, or give each process a folder of its own`);
  }
}

/**
 * Takes a lock that ends with its process, however that ends: the file names process, start and boot, and is taken over when
 * there is no such process any more. Returns what gives it back. Throws a {@link FolderInUseError}, or what the file system says.
 */
export function takeLock(path: string): () => void {
  const own = identity(String(process.pid)) ?? `${process.pid} ? ?`;
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, own, { mode: 0o600 });
  try {
    while (!tryLink(temporary, path)) {
      const holder = readIfThere(path);
      if (holder === undefined) continue;
      const pid = holder.split(' ')[0]!;
      if (identity(pid) === holder) throw new FolderInUseError(path, pid);
      takeAway(path, holder);
    }
  } finally {
    rmSync(temporary, { force: true });
  }
  return () => {
    if (readIfThere(path) === own) rmSync(path, { force: true });
  };
}

/** Removes a stale lock; by renaming it, so that of several who find it stale none removes the lock of the one who was quicker. */
function takeAway(path: string, stale: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readIfThere(aside) !== stale) tryLink(aside, path);
  rmSync(aside, { force: true });
}

/** `pid start boot` of a process that lives; undefined when there is none of that number. */
function identity(pid: string): string | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  const stat = readIfThere(`/proc/${pid}/stat`);
  // After the command's name, which may hold anything: field 3 and on (proc_pid_stat(5)); 22 is the start in ticks since boot.
  const start = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3];
  if (start === undefined) return undefined;
  return `${pid} ${start} ${readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? '?'}`;
}

function tryLink(existing: string, path: string): boolean {
  try {
    linkSync(existing, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
