import { SondeError } from '../../wire/errors.js';
import type { Probe } from './probe.js';

/**
 * Throws a SondeError `KERNEL` when a probe cannot do what a reload expects of it: nothing of one that is new is attached, or a
 * program is refused that runs in the one whose place it is to take. What did not run before need not run now, and what is not meant for this kernel need
 * not run at all.
 */
export function notWorse(
  before: Pick<Probe, 'programs'> | undefined,
  fresh: Pick<Probe, 'programs' | 'config' | 'isUnfit'>,
): void {
  const ran = new Set(before?.programs.filter(({ attached }) => attached).map(({ name }) => name));
  if (before === undefined ? fresh.isUnfit : ran.size === 0) return;
  const runs = new Set(fresh.programs.filter(({ attached }) => attached).map(({ name }) => name));
  const worse = fresh.programs.filter(({ name }) => !runs.has(name) && (runs.size === 0 || ran.has(name)));
  if (worse.length === 0) return;
  const { name, file } = fresh.config;
  const lines = worse.map((program) => `${name}/${program.name}: ${program.reason}`);
  const what = before === undefined ? 'nothing of it can be attached' : 'what runs now could not be attached any more';
  throw new SondeError('KERNEL', `${file}: ${what}:\n${lines.join('\n')}`, { stage: 'attach' });
}
