import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

let made = 0;

/** Where cgroup v2 is mounted on this machine; undefined where it is not. */
export function unifiedMount(): string | undefined {
  return mountsOfType('cgroup2')[0];
}

/** Where cgroup v1 hierarchies are mounted. */
export function v1Mounts(): string[] {
  return mountsOfType('cgroup');
}

/** The mount of cgroup v2, or the reason to skip. */
export const skipUnlessUnified = unifiedMount() === undefined && 'cgroup v2 is not mounted';

/** A new cgroup that goes when the test ends. Its name is this process's own. */
export function makeCgroup(
  t: Pick<TestContext, 'after'>,
  parent = unifiedMount()!,
  name = `sonde-test-${process.pid}-${made++}`,
): string {
  const path = join(parent, name);
  mkdirSync(path);
  t.after(() => removeCgroup(path));
  return path;
}

/** With all that is in it. Nothing happens when it has gone already. */
export function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Its id as `stat` tells it: of a cgroup, the inode is the id. */
export function cgroupId(path: string): bigint {
  return BigInt(execFileSync('stat', ['-c', '%i', path], { encoding: 'latin1' }).trim());
}

/** Moves a process. */
export function joinCgroup(path: string, pid: number): void {
  writeFileSync(join(path, 'cgroup.procs'), String(pid));
}

/** `count` kills of `pid`, a number that no process has, by a process of its own that has moved into the cgroup. */
export function commandsIn(cgroup: string, count: number, pid: number): void {
  const script = `echo $$ > "$1/cgroup.procs"; i=0; while [ $i -lt ${count} ]; do kill -0 ${pid} 2> /dev/null; i=$((i + 1)); done; true`;
  execFileSync('/bin/sh', ['-c', script, 'sh', cgroup]);
}

function mountsOfType(type: string): string[] {
  return readFileSync('/proc/mounts', 'latin1')
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[2] === type)
    .map((fields) => fields[1]!);
}
