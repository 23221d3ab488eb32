import type { DecoderConfig } from '../../wire/config/schema.js';
import type { DecoderFactory } from './decoder.js';
import { subjectOf } from './number.js';

type PciDecoder = Extract<DecoderConfig['name'], `pci_${string}`>;

/** What is said of an id that `pci.ids` of the host does not have. */
const UNKNOWN: Record<PciDecoder, (id: bigint) => string> = {
  pci_vendor: (id) => `unknown pci vendor: 0x${hex(id, 2)}`,
  pci_device: (id) => `unknown pci device: 0x${hex(id, 4)}`,
  pci_class: (id) => `unknown pci class: 0x${hex(id, 2)}`,
  pci_subclass: (id) => `unknown pci subclass: 0x${hex(id & 0xffn, 2)} (class 0x${hex(id >> 8n, 2)})`,
};

/** The number of a PCI vendor, device (vendor × 2^16 + device), class or subclass (class × 2^8 + subclass) → its name in the host's `pci.ids`. */
export function pci(kind: PciDecoder): DecoderFactory {
  return (_config, afterUint) => (input, context) => {
    const id = subjectOf(input, afterUint, context);
    return context.facts.get(kind, id) ?? Buffer.from(UNKNOWN[kind](id));
  };
}

function hex(number: bigint, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
