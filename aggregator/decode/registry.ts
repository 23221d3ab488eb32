import type { DecoderConfig } from '../../wire/config/schema.js';
import type { DecodeContext, Decoder, DecoderFactory } from './decoder.js';
import { cgroup } from './cgroup.js';
import { dname } from './dname.js';
import { errno } from './errno.js';
import { hex } from './hex.js';
import { ifname } from './ifname.js';
import { inetIp } from './inet-ip.js';
import { kstack } from './kstack.js';
import { ksym } from './ksym.js';
import { majorminor } from './majorminor.js';
import { pci } from './pci.js';
import { regexp } from './regexp.js';
import { staticMap } from './static-map.js';
import { string } from './string.js';
import { syscall } from './syscall.js';
import { uint } from './uint.js';

const FACTORIES: Partial<Record<DecoderConfig['name'], DecoderFactory>> = {
  uint: () => uint,
  hex: () => hex,
  string: () => string,
  inet_ip: () => inetIp,
  dname: () => dname,
  errno,
  syscall,
  static_map: staticMap,
  regexp,
  ksym,
  kstack,
  ifname,
  majorminor,
  cgroup,
  pci_vendor: pci('pci_vendor'),
  pci_device: pci('pci_device'),
  pci_class: pci('pci_class'),
  pci_subclass: pci('pci_subclass'),
};

/** The decoders that this aggregator has. */
export const DECODERS = Object.keys(FACTORIES) as readonly DecoderConfig['name'][];

/** A label's chain of decoders as one. The config has been checked: a decoder that is not served is a programmer's error. */
export function compileChain(decoders: readonly DecoderConfig[]): Decoder {
  const chain = decoders.map((config, position) => {
    const factory = FACTORIES[config.name];
    if (factory === undefined) throw new Error(`decoder ${config.name} is not served`);
    return factory(config, decoders[position - 1]?.name === 'uint');
  });
  if (chain.length === 1) return chain[0]!;
  return (input: Uint8Array, context: DecodeContext) => {
    let bytes: Uint8Array | null = input;
    for (const decode of chain) {
      bytes = decode(bytes, context);
      if (bytes === null) return null;
    }
    return bytes;
  };
}
