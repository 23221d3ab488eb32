import { runTestFiles, type TestRun } from './test-run.js';

/**
 * Loopback is up, and the file systems are there that programs ask for: a Debian guest has them, other machines may not. /usr/share/misc
 * is the tests' own, so that they can write their `pci.ids`.
 */
const SET_UP = `set -e
ip link set lo up
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
mkdir -p /usr/share/misc
mount -t tmpfs tmpfs /usr/share/misc
exec "$@"`;

/** Runs test files, one after the other, in a network and a mount namespace of their own. Programs and cgroups are the machine's. */
export function runInNamespaces(files: readonly string[]): Promise<TestRun> {
  return runTestFiles(files, ['unshare', '--net', '--mount', 'sh', '-c', SET_UP, 'sh']);
}
