import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachedLine, missed, type ProbeOutcome } from '../../../bin/summary.js';
import { parseConfig } from '../../../wire/config/parse.js';

type Program = ProbeOutcome['programs'][number];

/** A probe by its programs: `''` is attached, anything else the reason why not. */
function probe(name: string, reasons: Readonly<Record<string, string>>, variant = ''): ProbeOutcome {
  const yaml = `metrics:\n  counters:\n    - {name: ${name}_total, help: Help}\n`;
  const programs = Object.entries(reasons).map(([program, reason]): Program => ({
    name: program,
    section: `tp_btf/${program}`,
    variant,
    id: 1,
    tag: '',
    loaded: reason === '',
    attached: reason === '',
    reason,
  }));
  return { config: parseConfig(name, `${name}.yaml`, yaml), programs };
}

test('all attached: their names, and the variant of one that has variants', () => {
  const probes = [probe('a', { one: '', two: '' }), probe('b', { three: '' }, 'tp_btf')];
  assert.equal(attachedLine(probes), 'a, b (tp_btf); nothing was refused');
  assert.deepEqual(missed(probes), []);
});

test('what is not attached comes with its reason, and a probe that runs in part says so', () => {
  const probes = [
    probe('a', { one: '', two: 'no kprobes in this kernel' }, 'fast'),
    probe('b', { three: 'verifier: R1 invalid mem access' }),
  ];
  assert.equal(
    attachedLine(probes),
    'a (fast, in part); not attached: a/two: no kprobes in this kernel; b/three: verifier: R1 invalid mem access',
  );
  assert.deepEqual(missed(probes), ['a/two: no kprobes in this kernel', 'b/three: verifier: R1 invalid mem access']);
});

test('nothing attached, and a probe without programs', () => {
  assert.equal(attachedLine([probe('a', {})]), 'nothing; nothing was refused');
  assert.equal(attachedLine([probe('a', { one: 'x' })]), 'nothing; not attached: a/one: x');
});
