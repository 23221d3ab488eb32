// What `npm test` needs of the machine beside what Sonde itself needs: checks, says what is missing and why, installs it.
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Command that has to be there, the Debian package that brings it, and what the tests do with it. */
const NEEDS = [
  ['qemu-system-x86_64', 'qemu-system-x86', 'boots other kernels in virtual machines'],
  ['busybox', 'busybox-static', 'is the first process of such a machine'],
  ['cpio', 'cpio', 'packs its first file system'],
  ['depmod', 'kmod', 'indexes its kernel modules'],
  ['xz', 'xz-utils', 'unpacks kernels'],
  ['zstd', 'zstd', 'unpacks kernels'],
  ['ip', 'iproute2', 'makes network namespaces to lose packets in'],
  ['mkfs.ext4', 'e2fsprogs', 'makes file systems to measure'],
  ['clang-format', 'clang-format', 'checks the form of C and C++'],
];
const FOLDERS = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];

function isThere(command) {
  return FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function fail(message) {
  console.error(`setup-test: ${message}`);
  process.exit(1);
}

const missing = NEEDS.filter(([command]) => !isThere(command));
if (missing.length > 0) {
  console.log('The tests need, and this machine lacks:');
  for (const [, name, why] of missing) console.log(`  ${name.padEnd(16)} ${why}`);
  const packages = [...new Set(missing.map(([, name]) => name))];
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (!isThere('apt-get')) fail(`install them (on Debian: ${command}) and try again.`);
  if (process.getuid() !== 0) fail(`as root: ${command}`);
  try {
    const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    execFileSync('apt-get', ['-qq', 'update'], options);
    execFileSync('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', ...packages], options);
  } catch {
    fail(`apt-get could not install them; what it said is above. By hand: ${command}`);
  }
}
