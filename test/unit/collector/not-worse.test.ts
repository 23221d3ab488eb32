import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notWorse } from '../../../collector/probe/not-worse.js';
import type { Probe, ProgramStatus } from '../../../collector/probe/probe.js';
import { parseConfig } from '../../../wire/config/parse.js';

const CONFIG = parseConfig('p', 'dir/p.yaml', 'metrics: {counters: [{name: x_total, help: X}]}\n');

/** A probe with these programs: `+name` runs, `-name` does not. */
function probe(...programs: readonly string[]): Pick<Probe, 'programs' | 'config' | 'isUnfit'> {
  const statuses = programs.map((text): ProgramStatus => {
    const attached = text.startsWith('+');
    const reason = attached ? '' : 'verifier: R1 is wrong';
    return {
      name: text.slice(1),
      section: 'kprobe/x',
      variant: '',
      id: 0,
      tag: '',
      loaded: attached,
      attached,
      reason,
    };
  });
  return { config: CONFIG, programs: statuses, isUnfit: false };
}

const cases: readonly [string, ReturnType<typeof probe> | undefined, ReturnType<typeof probe>, RegExp | undefined][] = [
  ['a new one that runs in part is taken, as at start', undefined, probe('+a', '-b'), undefined],
  ['a new one of which nothing runs is not', undefined, probe('-a'), /dir\/p\.yaml: nothing of it .*\np\/a: verifier/],
  ['a new one that is not meant for this kernel is taken', undefined, { ...probe('-a'), isUnfit: true }, undefined],
  ['a program that ran and would not', probe('+a', '+b'), probe('+a', '-b'), /\np\/b: verifier: R1 is wrong$/],
  ['a program that did not run need not', probe('+a', '-b'), probe('+a', '-b'), undefined],
  ['a program that is left out is meant to be', probe('+a', '+b'), probe('+a'), undefined],
  ['one that runs in another variant runs', probe('+a'), probe('-a', '+a'), undefined],
  ['all programs have other names, and none runs', probe('+a'), probe('-b'), /\np\/b: /],
  ['where nothing ran, nothing can be worse', probe('-a'), probe('-a'), undefined],
];

for (const [name, before, fresh, expected] of cases) {
  test(name, () => {
    if (expected === undefined) notWorse(before, fresh);
    else assert.throws(() => notWorse(before, fresh), expected);
  });
}
