import { readFileSync } from 'node:fs';
import { capabilitiesOf, capabilityMask, capabilityNames, type CapabilityName } from '../lib/capabilities.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import type { Native } from '../native/types.js';
import { decodersUsed } from '../wire/config/decoders-used.js';
import type { ProbeConfig } from '../wire/config/schema.js';

export interface CapabilityNeeds {
  readonly values: SettingValues;
  readonly configs: readonly ProbeConfig[];
  readonly native: Native;
  readonly log: Logger;
}

/** What loading and attaching programs needs. */
const LOADERS = capabilityMask(['cap_bpf', 'cap_perfmon']);

/**
 * Gives up the capabilities that `--capabilities.keep` does not keep, in every thread, and logs what is kept. To be called once all
 * is attached and listened on. Throws a NativeError when a thread keeps more.
 */
export function dropCapabilities(needs: CapabilityNeeds): void {
  const { native, log } = needs;
  const keep = needs.values['capabilities.keep'];
  const had = capabilitiesOf(readFileSync('/proc/self/status', 'latin1'), 'CapPrm');
  if (keep.includes('all')) {
    log.info(`capabilities: kept all (${list(had)})`);
    return;
  }
  const reloads = needs.values['config.watch'] || needs.values['web.enable-lifecycle'];
  const reasons = keep.includes('auto') ? neededCapabilities({ ...needs, reloads }, had) : undefined;
  const wanted = reasons === undefined ? named(keep) : capabilityMask(reasons.keys());
  if ((wanted & ~had) !== 0n) log.warn(`capabilities: cannot keep ${list(wanted & ~had)}, not there at start`);
  native.keepCapabilities(wanted & had);
  const kept = capabilityNames(wanted & had).map((name) => {
    const reason = reasons?.get(name as CapabilityName);
    return reason === undefined ? name : `${name} (${reason})`;
  });
  log.info(`capabilities: kept ${kept.join(', ') || 'none'}`);
}

/** What the enabled features still need, and for what. */
export function neededCapabilities(
  { configs, native, reloads = false }: Pick<CapabilityNeeds, 'configs' | 'native'> & { readonly reloads?: boolean },
  had: bigint,
): ReadonlyMap<CapabilityName, string> {
  const needed = new Map<CapabilityName, string>();
  if (native.mapsNeedCapability()) {
    const canUse = (had & capabilityMask(['cap_bpf'])) !== 0n ? 'cap_bpf' : 'cap_sys_admin';
    needed.set(canUse, 'to read maps');
  }
  if (reloads) {
    const toLoad = (had & LOADERS) === LOADERS ? (['cap_bpf', 'cap_perfmon'] as const) : (['cap_sys_admin'] as const);
    for (const name of toLoad) needed.set(name, 'to reload');
    // Sections xdp/… and programs of cgroups; who has not had it needs no warning.
    if ((had & capabilityMask(['cap_net_admin'])) !== 0n) needed.set('cap_net_admin', 'to reload');
  }
  const decoders = new Set(configs.flatMap((config) => [...decodersUsed(config)]));
  if (reloads || decoders.has('ksym') || decoders.has('kstack')) needed.set('cap_syslog', 'kernel symbols');
  return needed;
}

function named(keep: readonly string[]): bigint {
  return keep.includes('none') ? 0n : capabilityMask(keep as CapabilityName[]);
}

function list(mask: bigint): string {
  return capabilityNames(mask).join(', ') || 'none';
}
