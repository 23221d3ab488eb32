import type { Logger } from '../lib/log.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import { SondeError } from '../wire/errors.js';
import { notWorse } from './probe/not-worse.js';
import type { PastLedger } from './probe/past-ledger.js';
import type { ProbeSet, ReloadPlan, StagedProbes } from './probe/probe-set.js';
import type { RunningProbe } from './probe/running-probe.js';
import { BusAwayError } from './publish/bus-link.js';

export interface ReloadOptions {
  /** Throws when this process may not load programs any more; asked only when there are any to load. */
  readonly requirePrivileges?: () => void;
  /** Every program of what is loaded must attach. */
  readonly strict?: boolean;
}

/** What a reload came to: names of configs. */
export interface ReloadSummary {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
}

/** What a reload needs of the collector. No map is read by anybody else meanwhile. */
export interface ReloadHost {
  readonly probes: ProbeSet;
  readonly past: PastLedger;
  /** Reads the maps of a probe and sends what changed; true when the bus has all of it. */
  readonly poll: (running: RunningProbe) => Promise<boolean>;
  readonly isCaughtUp: () => boolean;
  /** Throws when these probes cannot be told of. */
  readonly checkManifest: (next: readonly RunningProbe[]) => void;
  /** Tells the programs that all is attached, and the bus what runs from here on. */
  readonly announce: (fresh: readonly RunningProbe[]) => void;
  readonly log: Logger;
}

/** See {@link Collector.reload}. */
export async function reloadProbes(
  configs: readonly ProbeConfig[],
  options: ReloadOptions,
  host: ReloadHost,
): Promise<ReloadSummary> {
  const { probes } = host;
  const plan = await probes.plan(configs);
  const summary = summaryOf(plan);
  const { added, changed, removed } = summary;
  if (added.length + changed.length + removed.length === 0) return summary;
  if (added.length + changed.length > 0) options.requirePrivileges?.();
  const replaced = plan.wanted.flatMap(({ before, isUnchanged }) => (isUnchanged ? [] : (before ?? [])));
  try {
    for (const running of plan.removed) await readBefore(running, host);
    const staged = await probes.stage(plan, {
      beforeAttach: async (before) => {
        await readBefore(before, host);
        // What comes from here on its successor has, too.
        for (const reader of before.readers) reader.hold();
        before.probe.giveWay();
      },
      check: (before, fresh) => check(before, fresh, options),
    });
    try {
      host.checkManifest(staged.next);
    } catch (error) {
      probes.discard(staged);
      throw error;
    }
    await replace(plan.removed, replaced, staged, host);
  } catch (error) {
    // They go on: what they wrote meanwhile nobody else has.
    for (const reader of replaced.flatMap(({ readers }) => readers)) reader.release();
    for (const running of replaced) takeBack(running, host.log);
    throw error;
  }
  return summary;
}

function takeBack({ probe }: RunningProbe, log: Logger): void {
  try {
    probe.takeBack();
  } catch (error) {
    log.error(`${probe.config.name} does not run as before: ${(error as Error).message}`);
  }
}

/** Nothing can fail here any more but the bus. */
async function replace(
  removed: readonly RunningProbe[],
  replaced: readonly RunningProbe[],
  staged: StagedProbes,
  host: ReloadHost,
): Promise<void> {
  for (const running of [...replaced, ...removed]) running.detach();
  for (const reader of replaced.flatMap(({ readers }) => readers)) reader.supersede();
  for (const running of removed) {
    for (const reader of running.readers) await reader.flush();
    if (!(await host.poll(running)))
      host.log.warn(`${running.probe.config.name}: what its maps have counted in the last moment could not be sent`);
  }
  for (const running of [...replaced, ...removed]) host.past.add(await running.past());
  host.probes.commit(staged);
  host.announce(staged.fresh);
  for (const running of staged.fresh) {
    for (const reader of running.readers) reader.start();
    await host.poll(running);
  }
}

/** What a probe that is to go has counted so far must be with the bus: nothing of it is left afterwards. */
async function readBefore(running: RunningProbe, { poll, isCaughtUp }: ReloadHost): Promise<void> {
  for (const reader of running.readers) await reader.flush();
  if (!(await poll(running)) && !isCaughtUp()) {
    const { name } = running.probe.config;
    throw new BusAwayError(`what ${name} has counted could not be sent; reload again when the bus is back`);
  }
}

function summaryOf({ wanted, removed }: ReloadPlan): ReloadSummary {
  const names = (list: ReloadPlan['wanted']): string[] => list.map(({ config }) => config.name);
  return {
    added: names(wanted.filter(({ before }) => before === undefined)),
    changed: names(wanted.filter(({ before, isUnchanged }) => before !== undefined && !isUnchanged)),
    removed: removed.map(({ probe }) => probe.config.name),
    unchanged: names(wanted.filter(({ isUnchanged }) => isUnchanged)),
  };
}

function check(before: RunningProbe | undefined, fresh: RunningProbe, { strict = false }: ReloadOptions): void {
  notWorse(before?.probe, fresh.probe);
  const { config, programs } = fresh.probe;
  const missed = strict ? programs.filter(({ attached }) => !attached) : [];
  if (missed.length === 0) return;
  const lines = missed.map(({ name, reason }) => `${config.name}/${name}: ${reason}`);
  throw new SondeError('KERNEL', `not attached, and all is asked for:\n${lines.join('\n')}`, { stage: 'attach' });
}
