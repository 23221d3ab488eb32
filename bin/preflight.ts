import { existsSync, readFileSync } from 'node:fs';
import { capabilitiesOf, capabilityMask, capabilityNames } from '../lib/capabilities.js';
import { SondeError } from '../wire/errors.js';
import { UsageError } from './fail.js';

const VMLINUX_BTF = '/sys/kernel/btf/vmlinux';
const CAP_SYS_ADMIN = capabilityMask(['cap_sys_admin']);
const TO_LOAD = capabilityMask(['cap_perfmon', 'cap_bpf']);

/** First bytes of BTF (linux/btf.h), in either byte order, and of an ELF file, which may hold it. */
const BTF_MAGICS = ['9feb', 'eb9f', '7f45'];

/** Throws a UsageError with one sentence when this process cannot load eBPF programs here. @param btfPath BTF to use, if not the kernel's own. */
export function preflight(btfPath?: string): void {
  if (process.platform !== 'linux') throw new UsageError('Sonde reads Linux kernels: run it on Linux');
  if (missingCapabilities().length > 0)
    throw new UsageError(
      'loading eBPF programs needs root (or the capabilities CAP_BPF and CAP_PERFMON): run it with sudo',
    );
  if (btfPath !== undefined) requireBtf(btfPath);
  else if (!existsSync(VMLINUX_BTF)) {
    throw new UsageError(
      `this kernel has no BTF (${VMLINUX_BTF} is missing): use a kernel with CONFIG_DEBUG_INFO_BTF=y, such as Debian's or Ubuntu's own`,
    );
  }
}

/** Throws a UsageError when a file is not there, or holds no BTF. */
export function requireBtf(path: string): void {
  let magic: string;
  try {
    magic = readFileSync(path).subarray(0, 2).toString('hex');
  } catch (error) {
    throw new UsageError(
      `--btf.path ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): name a file with BTF`,
    );
  }
  if (!BTF_MAGICS.includes(magic))
    throw new UsageError(
      `--btf.path ${path} is not BTF: name a copy of a kernel's /sys/kernel/btf/vmlinux, or an ELF file with BTF`,
    );
}

/** Throws a SondeError `PRIVILEGE` when this process has given up what loading programs needs. */
export function requirePrivileges(): void {
  const missing = missingCapabilities();
  if (missing.length === 0) return;
  const what = `new programs cannot be loaded: this process has dropped ${missing.join(' and ')}`;
  throw new SondeError('PRIVILEGE', `${what}; restart it, or keep them with --capabilities.keep`, { stage: 'load' });
}

/** Names of what loading programs needs and this process does not have. */
function missingCapabilities(): readonly string[] {
  const effective = capabilitiesOf(readFileSync('/proc/self/status', 'latin1'), 'CapEff');
  return (effective & CAP_SYS_ADMIN) !== 0n ? [] : capabilityNames(TO_LOAD & ~effective);
}
