import { readFile } from 'node:fs/promises';
import { spoolLedger, type Ledger } from './probe/probe-ledger.js';
import type { RunningProbe } from './probe/running-probe.js';
import type { FrameBody } from './publish/frame-encoder.js';
import type { RecordAccount } from './publish/record-account.js';

/** The host's own account at this moment. `past`: of probes that are gone; `recovered`: what earlier sessions left in the spool. */
export async function healthBody(
  running: readonly RunningProbe[],
  past: Ledger,
  recovered: RecordAccount,
  onDemand = false,
): Promise<FrameBody> {
  const statsEnabled = await areStatsEnabled();
  const own = await Promise.all(running.map((probe) => probe.readLedger()));
  const ledgers = [...own, past, spoolLedger(recovered)];
  return {
    case: 'health',
    value: {
      onDemand,
      losses: ledgers.flatMap(({ losses }) => losses),
      hops: ledgers.flatMap(({ hops }) => hops),
      buffers: ledgers.flatMap(({ buffers }) => buffers),
      programs: running.flatMap(({ probe }) => probe.stats()),
      maps: running.flatMap(({ probe, pollers }) =>
        pollers.map(({ name, entries, maxEntries }) => ({
          config: probe.config.name,
          map: name,
          entries: BigInt(entries),
          maxEntries: BigInt(maxEntries),
        })),
      ),
      statsEnabled,
    },
  };
}

/** `kernel.bpf_stats_enabled`. */
async function areStatsEnabled(): Promise<boolean> {
  return (await readFile('/proc/sys/kernel/bpf_stats_enabled', 'latin1')).trim() === '1';
}
