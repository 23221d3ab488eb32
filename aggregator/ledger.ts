import type { HostHop, HostLoss } from './host-account.js';
import type { Host } from './host.js';

/** The way of a host's records from the kernel to the series: at each hop in = out + waiting + lost. */
export interface Ledger {
  readonly hops: readonly HostHop[];
  readonly losses: readonly HostLoss[];
}

/** What the host has said of its hops, and what has become here of what it published. */
export function ledgerOf({ account, records }: Host): Ledger {
  const hops = account.hops();
  const buffers = records.entries();
  const published = hops.reduce((sum, { hop, out }) => (PUBLISHES.has(hop) ? sum + out : sum), 0n);
  const consumed = BigInt(buffers.reduce((sum, buffer) => sum + buffer.consumed, 0));
  const decode = buffers.map(({ config, map, consumed, decoded }): HostHop => {
    return { hop: 'decode', config, map, in: BigInt(consumed), out: BigInt(decoded), waiting: 0n };
  });
  const losses = buffers.flatMap(({ config, map, skipped, failed }): HostLoss[] => [
    { hop: 'decode', reason: 'skipped', config, map, count: BigInt(skipped) },
    { hop: 'decode', reason: 'failed', config, map, count: BigInt(failed) },
  ]);
  return {
    hops: [...hops, ...(hops.length + buffers.length === 0 ? [] : [busHop(published, consumed)]), ...decode],
    losses: [...account.losses(), ...losses],
  };
}

/** Hops that hand records to the bus. */
const PUBLISHES: ReadonlySet<string> = new Set(['collector', 'spool']);

/** What was published and has not come yet is on its way. What has come was published, although the host may not have said so yet. */
function busHop(published: bigint, consumed: bigint): HostHop {
  const into = published > consumed ? published : consumed;
  return { hop: 'bus', config: '', map: '', in: into, out: consumed, waiting: into - consumed };
}
