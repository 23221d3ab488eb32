// Debian packages that only the tests need, and what for.
import { hasCommand } from './system.mjs';

export const TEST_PACKAGES = [
  { name: 'prometheus', why: 'promtool checks what is exposed', there: () => hasCommand('promtool') },
  { name: 'iproute2', why: 'makes network namespaces', there: () => hasCommand('ip') },
  { name: 'e2fsprogs', why: 'makes a file system to write to', there: () => hasCommand('mkfs.ext4') },
  { name: 'clang-format', why: 'checks the formatting of C and C++', there: () => hasCommand('clang-format') },
  { name: 'qemu-system-x86', why: 'boots other kernels', there: () => hasCommand('qemu-system-x86_64') },
  { name: 'busybox-static', why: 'is the first program in such a guest', there: () => hasCommand('busybox') },
  { name: 'cpio', why: 'packs its first file system', there: () => hasCommand('cpio') },
  { name: 'kmod', why: "finds the guest kernel's modules", there: () => hasCommand('modprobe') },
  { name: 'xz-utils', why: 'unpacks kernels', there: () => hasCommand('xz') },
  { name: 'zstd', why: 'unpacks kernels', there: () => hasCommand('zstd') },
];
