import type { Native } from '../../native/types.js';
import type { Cgroups } from './cgroup/cgroups.js';
import { Devices } from './devices.js';
import type { LookupProviders } from './host-answers.js';
import type { Kallsyms } from './kallsyms.js';
import { PciIds } from './pci-ids.js';

/** How long names stand that may become others: disks and interfaces come and go, and their numbers are given again. */
const CHANGING_MS = 10_000;
const MAX_U32 = 2n ** 32n - 1n;

/** What a collector asks this host. Nothing is read before the first question. */
export function lookupProviders(
  native: Pick<Native, 'interfaceName'>,
  kallsyms: Kallsyms,
  cgroups: Cgroups,
): LookupProviders {
  const devices = new Devices();
  const pciIds = new PciIds();
  const interfaceName = (index: bigint): Uint8Array | undefined =>
    index > MAX_U32 ? undefined : (native.interfaceName(Number(index)) ?? undefined);
  return {
    ksym: { answer: (address) => kallsyms.exact(address) },
    cgroup: cgroups,
    kstack: { answer: (address) => kallsyms.nearest(address) },
    ifname: { answer: (index) => Promise.resolve(interfaceName(index)), standsMs: CHANGING_MS },
    majorminor: { answer: (dev) => devices.name(dev), standsMs: CHANGING_MS },
    pci_vendor: { answer: (id) => pciIds.vendor(id), standsMs: CHANGING_MS },
    pci_device: { answer: (id) => pciIds.device(id), standsMs: CHANGING_MS },
    pci_class: { answer: (id) => pciIds.class(id), standsMs: CHANGING_MS },
    pci_subclass: { answer: (id) => pciIds.subclass(id), standsMs: CHANGING_MS },
  };
}
