import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fixtureYaml, isLoaded } from '../harness/bpf-fixture.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { select, total } from '../harness/kernel-metrics.js';
import { packageRoot } from '../harness/root.js';
import { configFolder, runSonde, startSonde } from '../harness/sonde.js';
import { assertForPeople } from './assert-refused.js';

/** Why this kernel refuses each program of refused.bpf.c; it takes `good`. */
const REASONS: Readonly<Record<string, RegExp>> = {
  by_fentry: /^fentry is not permitted by this kernel$/,
  by_kprobe: /^no kprobes in this kernel$/,
  rejected: /^verifier: R\d invalid mem access 'map_value_or_null'$/,
  absent: /^this kernel has no tracepoint no_such_tracepoint$/,
};

test('what the kernel refuses is named with its reason, and the rest runs', async (t) => {
  const folder = configFolder(t, { refused: { yaml: fixtureYaml('refused'), object: 'refused' } });
  const sonde = await startSonde(t, ['--config.dir', folder, '--log.no-timestamps']);
  const samples = await sonde.scrape();

  const up = select(samples, 'sonde_program_up', { config: 'refused' });
  assert.deepEqual(up.map(({ labels }) => labels['program']).sort(), ['good', ...Object.keys(REASONS)].sort());
  for (const { labels, value } of up) {
    const reason = REASONS[labels['program']!];
    assert.equal(value, reason === undefined ? 1 : 0, labels['program']);
    assert.match(labels['reason']!, reason ?? /^$/);
    assert.equal(labels['variant'], '');
  }

  await t.test('a loaded program that is not attached has an id, and one that is not loaded has none', () => {
    const info = select(samples, 'ebpf_exporter_ebpf_program_info');
    assert.deepEqual(info.map(({ labels }) => labels['program']).sort(), ['by_kprobe', 'good']);
    for (const { labels } of info) {
      const attached = select(samples, 'ebpf_exporter_ebpf_program_attached', { id: labels['id']! });
      assert.deepEqual(
        attached.map(({ value }) => value),
        [labels['program'] === 'good' ? 1 : 0],
      );
      assert.ok(isLoaded(Number(labels['id'])));
      assert.match(labels['tag']!, /^[0-9a-f]{16}$/);
    }
  });

  await t.test('only the metric that is fed is exported, with values that rise', async () => {
    const names = new Set(samples.map(({ name }) => name).filter((name) => name.startsWith('ebpf_exporter_test_')));
    assert.deepEqual([...names], ['ebpf_exporter_test_good_total']);
    const before = total(samples, 'ebpf_exporter_test_good_total');
    assert.ok(total(await sonde.scrape(), 'ebpf_exporter_test_good_total') > before);
    const page = await (await fetch(sonde.url)).text();
    assert.match(page, /left out, because nothing feeds it: .*test_fentry_total.*test_fentry_records_total/);
    assert.doesNotMatch(page, /<code>\w*test_fentry/, 'neither of a map nor of a buffer');
  });

  await t.test('the log, the last line and the page say so too', async () => {
    for (const text of [sonde.stderr(), sonde.stdout().split('\n').at(-2)!, await (await fetch(sonde.url)).text()]) {
      for (const words of Object.values(REASONS).map(({ source }) => source.slice(1, -1))) {
        assert.match(text.replaceAll('&#39;', "'"), new RegExp(words));
      }
    }
    assert.match(sonde.stdout(), /^attached {2}refused \(in part\); not attached: /m);
    assertForPeople(sonde.stderr());
  });
});

test('a refused config does not keep the others from running', async (t) => {
  const folder = configFolder(t, {
    commands: { yaml: fixtureYaml('commands'), object: 'commands' },
    none: { yaml: fixtureYaml('variants').replace('[by_tracepoint]', '[by_kprobe]'), object: 'variants' },
  });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  const samples = await sonde.scrape();

  assert.match(sonde.stdout(), /^attached {2}commands; not attached: /m);
  const up = select(samples, 'sonde_program_up');
  assert.deepEqual(
    up
      .map(({ labels: { config, program, variant, reason }, value }) => [config, program, variant, reason, value])
      .sort(),
    [
      ['commands', 'on_command', '', '', 1],
      ['none', 'by_fentry', 'fentry', 'fentry is not permitted by this kernel', 0],
      ['none', 'by_kprobe', 'tracepoint', 'no kprobes in this kernel', 0],
    ],
  );
  assert.deepEqual(select(samples, 'ebpf_exporter_test_variant_total'), []);
  assert.equal(total(samples, 'ebpf_exporter_enabled_configs', { name: 'none' }), 1);
});

test('the first variant that the kernel takes is used, and the others are no error', async (t) => {
  const folder = configFolder(t, { variants: { yaml: fixtureYaml('variants'), object: 'variants' } });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  const samples = await sonde.scrape();

  assert.match(sonde.stderr(), /^\[[^\]]+\] INFO: capabilities: kept none\n$/);
  assert.match(sonde.stdout(), /^attached {2}variants \(tracepoint\); nothing was refused$/m);
  assert.deepEqual(
    select(samples, 'sonde_program_up').map(({ labels, value }) => [labels['program'], labels['variant'], value]),
    [['by_tracepoint', 'tracepoint', 1]],
  );
  assert.ok(total(samples, 'ebpf_exporter_test_variant_total') > 0);
});

test('with no usable variant each program is named once, also those of no variant', async (t) => {
  const variants = ['by_fentry', 'by_kprobe', 'absent'].map((name) => `  - programs: [${name}]\n`).join('');
  const yaml = `metrics:\n  counters:\n    - name: test_good_total\n      help: Fed by one program\nvariants:\n${variants}`;
  const sonde = await startSonde(t, ['--config.dir', configFolder(t, { probe: { yaml, object: 'refused' } })]);
  const up = select(await sonde.scrape(), 'sonde_program_up');
  assert.deepEqual(up.map(({ labels, value }) => [labels['program'], labels['variant'], value]).sort(), [
    ['absent', 'variant-3', 0],
    ['by_fentry', 'variant-1', 0],
    ['by_kprobe', 'variant-2', 0],
    ['good', '', 1],
    ['rejected', '', 0],
  ]);
});

test('with no usable variant --config.strict ends the start, and names every one', async (t) => {
  const yaml = fixtureYaml('variants').replace('[by_tracepoint]', '[by_kprobe]');
  const folder = configFolder(t, { none: { yaml, object: 'variants' } });
  const { status, stderr } = await runSonde(['run', '--config.dir', folder, '--config.strict', '--config.check']);
  assert.equal(status, 1);
  assert.match(stderr, /^none\/by_fentry: fentry is not permitted by this kernel$/m);
  assert.match(stderr, /^none\/by_kprobe: no kprobes in this kernel$/m);
  assertForPeople(stderr);
});

test('a variant is used where its conditions hold, from the object that it names', async (t) => {
  const head =
    'metrics:\n  counters:\n    - {name: test_variant_total, help: Fed by whichever program is used}\nvariants:\n';
  const unfit = [
    '  - {name: absent, object: one.bpf.o, when: {functions: [sonde_has_no_such_function]}}\n',
    '  - {name: elsewhere, object: two.bpf.o, programs: [by_tracepoint], when: {arch: [pdp11]}}\n',
  ].join('');
  const fit =
    '  - {name: here, object: two.bpf.o, programs: [by_tracepoint], when: {tp_btf: true, functions: [vfs_read]}}\n';
  const folder = configFolder(t, { fits: { yaml: head + unfit + fit, object: null } });
  copyFileSync(compileFixture('refused', 'bpf'), join(folder, 'one.bpf.o'));
  copyFileSync(compileFixture('variants', 'bpf'), join(folder, 'two.bpf.o'));
  writeFileSync(join(folder, 'one.yaml'), fixtureYaml('refused'));
  const args = ['--config.dir', folder, '--config.names', 'fits', '--debug'];
  // The first object does not have what the config asks for: a variant that is not used need not fit.
  const sonde = await startSonde(t, args);
  assert.match(sonde.stdout(), /^attached {2}fits \(here\); nothing was refused$/m);
  assert.match(sonde.stderr(), /variant absent not used: this kernel has no function sonde_has_no_such_function/);
  assert.match(sonde.stderr(), /variant elsewhere not used: this machine is \w+, not pdp11/);
  assert.ok(total(await sonde.scrape(), 'ebpf_exporter_test_variant_total') > 0);
  await sonde.stop();

  writeFileSync(join(folder, 'fits.yaml'), head + unfit.split('\n')[1]! + '\n');
  const none = await runSonde(['run', ...args, '--config.check']);
  assert.equal(none.status, 0);
  assert.match(
    none.stdout,
    /^attached {2}nothing; not attached: fits\/by_tracepoint: this machine is \w+, not pdp11$/m,
  );
});

test('a program that another calls is as good as attached, also for --config.strict', async (t) => {
  const folder = configFolder(t, {
    calling: {
      yaml: readFileSync(join(packageRoot(), 'test/fixtures/forty/other-maps.yaml'), 'utf8'),
      object: readFileSync(compileFixture('other-maps', 'forty')),
    },
  });
  const run = await runSonde(['run', '--config.dir', folder, '--config.strict', '--config.check']);
  assert.deepEqual([run.status, run.stdout], [0, 'attached  calling; nothing was refused\n'], run.stderr);
});
