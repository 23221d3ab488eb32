import { lstatSync, readdirSync } from 'node:fs';

/** Looking at cgroups' directories. Paths are bytes, one a character (latin1). Synchronous: nothing of it waits for a disk. */

/** A directory's id. Of a cgroup the inode's number is the kernel's own id (kernfs), on 64-bit machines. */
export interface DirectoryId {
  readonly id: bigint;
  /** It has no directories, for sure. */
  readonly isLeaf: boolean;
}

/** Undefined when it has gone, or may not be looked at; throws for everything else. */
export function identify(path: string): DirectoryId | undefined {
  return ifThere(() => {
    const { ino, nlink } = lstatSync(Buffer.from(path, 'latin1'), { bigint: true });
    // kernfs counts two links and one for each directory; file systems that do not count say 1.
    return { id: ino, isLeaf: nlink === 2n };
  });
}

/** The names of the directories in it; undefined as for {@link identify}. */
export function directoriesIn(path: string): string[] | undefined {
  return ifThere(() =>
    readdirSync(Buffer.from(path, 'latin1'), { withFileTypes: true, encoding: 'latin1' })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name),
  );
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENODEV: the cgroup is being removed. EACCES: what this process may not look at does not exist for it.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENODEV' || code === 'EACCES') return undefined;
    throw error;
  }
}
