import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupMounts } from '../../../../../collector/facts/cgroup/mounts.js';

/** Mounts as `device path`, v2 marked. */
function mounts(...lines: string[]): string[] {
  return cgroupMounts(`${lines.join('\n')}\n`).map(
    ({ device, path, isUnified }) => `${device} ${path}${isUnified ? ' v2' : ''}`,
  );
}

test('a unified tree is one hierarchy', () => {
  assert.deepEqual(
    mounts(
      '22 27 0:20 / /sys rw,nosuid shared:2 - sysfs sysfs rw',
      '30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot',
    ),
    ['0:26 /sys/fs/cgroup v2'],
  );
});

test('of a hybrid tree v2 comes first, the controllers in the order of their mounts', () => {
  assert.deepEqual(
    mounts(
      '31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755',
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct',
      '36 31 0:32 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory',
      '41 31 0:38 / /sys/fs/cgroup/unified rw shared:11 - cgroup2 cgroup2 rw',
    ),
    ['0:38 /sys/fs/cgroup/unified v2', '0:29 /sys/fs/cgroup/cpu,cpuacct', '0:32 /sys/fs/cgroup/memory'],
  );
});

test('a hierarchy that is mounted several times counts where people expect it, whole before a part', () => {
  assert.deepEqual(
    mounts(
      '50 1 0:26 / /run/other/cgroup2 rw - cgroup2 none rw',
      '51 1 0:26 /some/part /sys/fs/cgroup/part rw - cgroup2 none rw',
      '52 1 0:26 / /sys/fs/cgroup/unified rw - cgroup2 none rw',
      '53 1 0:40 / /mnt/cgroups rw - cgroup none rw,name=other',
    ),
    ['0:26 /sys/fs/cgroup/unified v2', '0:40 /mnt/cgroups'],
  );
});

test('what another mount hides does not count', () => {
  assert.deepEqual(
    mounts(
      '30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      '60 22 0:50 / /sys/fs rw - tmpfs tmpfs rw',
      '61 60 0:51 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      '62 61 0:52 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct',
    ),
    ['0:52 /sys/fs/cgroup/cpu'],
  );
});

test('a mount point is read as the kernel escapes it; other lines are nothing', () => {
  assert.deepEqual(mounts('53 1 0:40 / /mnt/a\\040b\\134c rw - cgroup2 none rw', '', 'nonsense - cgroup2', '1 2 3'), [
    '0:40 /mnt/a b\\c v2',
  ]);
});
