import { existsSync, readFileSync } from 'node:fs';
import { capabilitiesOf, capabilityMask } from '../lib/capabilities.js';
import { UsageError } from './fail.js';

const VMLINUX_BTF = '/sys/kernel/btf/vmlinux';
const CAP_SYS_ADMIN = capabilityMask(['cap_sys_admin']);
const CAP_PERFMON_AND_BPF = capabilityMask(['cap_perfmon', 'cap_bpf']);

/** Throws a UsageError with one sentence when this process cannot load eBPF programs here. */
export function preflight(): void {
  if (process.platform !== 'linux') throw new UsageError('Sonde reads Linux kernels: run it on Linux');
  const effective = capabilitiesOf(readFileSync('/proc/self/status', 'latin1'), 'CapEff');
  const may = (effective & CAP_SYS_ADMIN) !== 0n || (effective & CAP_PERFMON_AND_BPF) === CAP_PERFMON_AND_BPF;
  if (!may)
    throw new UsageError(
      'loading eBPF programs needs root (or the capabilities CAP_BPF and CAP_PERFMON): run it with sudo',
    );
  if (!existsSync(VMLINUX_BTF)) {
    throw new UsageError(
      `this kernel has no BTF (${VMLINUX_BTF} is missing): use a kernel with CONFIG_DEBUG_INFO_BTF=y, such as Debian's or Ubuntu's own`,
    );
  }
}
