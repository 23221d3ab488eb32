import { Devices } from './devices.js';
import type { LookupProviders } from './host-answers.js';
import type { Kallsyms } from './kallsyms.js';

/** What a collector asks this host. Nothing is read before the first question. */
export function lookupProviders(kallsyms: Kallsyms): LookupProviders {
  const devices = new Devices();
  return {
    ksym: { answer: (address) => kallsyms.exact(address) },
    majorminor: { answer: (dev) => devices.name(dev) },
  };
}
