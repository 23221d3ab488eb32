// Debian packages that only the tests need, and what for.
import { hasCommand } from './system.mjs';

/** For the servers of test/services/. */
export const SERVICE_PACKAGES = [
  { name: 'redis-server', why: 'keeps the state of aggregators', there: () => hasCommand('redis-server') },
  { name: 'default-jre-headless', why: 'runs Kafka', there: () => hasCommand('java') },
  { name: 'maven', why: 'fetches Kafka', there: () => hasCommand('mvn') },
  { name: 'prometheus', why: 'scrapes, and its promtool checks what is exposed', there: () => hasCommand('promtool') },
  { name: 'golang-go', why: 'builds InfluxDB', there: () => hasCommand('go') },
  { name: 'openssl', why: 'makes certificates for TLS', there: () => hasCommand('openssl') },
];

export const TEST_PACKAGES = [
  ...SERVICE_PACKAGES,
  { name: 'bpftool', why: 'lists and fills what the kernel has loaded', there: () => hasCommand('bpftool') },
  {
    name: 'systemd',
    why: 'hands over sockets, and checks units',
    there: () => hasCommand('systemd-socket-activate'),
  },
  { name: 'strace', why: 'counts system calls', there: () => hasCommand('strace') },
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
