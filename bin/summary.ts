import type { Probe } from '../collector/probe/probe.js';

/** What the summary reads of a probe. */
export type ProbeOutcome = Pick<Probe, 'config' | 'programs'>;

/** Whether a probe runs at all, wholly, or not. */
function stateOf(probe: ProbeOutcome): 'whole' | 'part' | 'none' {
  const attached = probe.programs.filter((program) => program.attached).length;
  if (attached === 0) return 'none';
  return attached === probe.programs.length ? 'whole' : 'part';
}

/** Programs that are wanted and do not run, one line each: `config/program: reason`. */
export function missed(probes: readonly ProbeOutcome[]): string[] {
  return probes.flatMap((probe) =>
    probe.programs
      .filter((program) => !program.attached)
      .map((program) => `${probe.config.name}/${program.name}: ${program.reason}`),
  );
}

/** What is attached and what is not, and why not, on one line. */
export function attachedLine(probes: readonly ProbeOutcome[]): string {
  const running = probes.filter((probe) => stateOf(probe) !== 'none').map(nameWithVariant);
  const not = missed(probes);
  const what = running.length === 0 ? 'nothing' : running.join(', ');
  return not.length === 0 ? `${what}; nothing was refused` : `${what}; not attached: ${not.join('; ')}`;
}

function nameWithVariant(probe: ProbeOutcome): string {
  const variant = probe.programs.find((program) => program.attached && program.variant !== '')?.variant;
  const notes = [variant, stateOf(probe) === 'part' ? 'in part' : undefined].filter((note) => note !== undefined);
  return notes.length === 0 ? probe.config.name : `${probe.config.name} (${notes.join(', ')})`;
}
