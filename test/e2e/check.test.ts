import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixtureYaml } from '../harness/bpf-fixture.js';
import { skipUnlessRoot } from '../harness/privileged.js';
import { packageRoot } from '../harness/root.js';
import { configFolder, runSonde } from '../harness/sonde.js';
import { assertForPeople } from './assert-refused.js';

const COMM = 'metrics: {counters: [{name: test_comm_total, help: Names, labels: [LABELS]}]}\n';
/** `struct comm_key` is `char comm[16]`. */
const WHOLE = '{name: comm, size: 16, decoders: [{name: string}]}';
const CUT = '{name: a, size: 8, decoders: [{name: string}]}, {name: b, size: 8, decoders: [{name: string}]}';

test('sonde check', { skip: skipUnlessRoot }, async (t) => {
  await t.test(
    'tells what attaches, what not and why, where labels are, and how many series there may be',
    async (t) => {
      const folder = configFolder(t, {
        commands: { yaml: fixtureYaml('commands'), object: 'commands' },
        refused: { yaml: fixtureYaml('refused'), object: 'refused' },
      });
      const { status, stdout } = await runSonde(['check', '--config.dir', folder, '--measure', '500ms']);
      assert.equal(status, 0);
      assert.match(
        stdout,
        /^commands: ok\n {2}program on_command {2}tp_btf\/sys_enter {2}attaches; \d+ runs\/s of \d+ ns: [\d.]+ % of a core$/m,
      );
      assert.match(stdout, /program rejected .*does not attach: verifier: R\d invalid mem access/);
      assert.match(
        stdout,
        /counter ebpf_exporter_test_rows_total: map test_rows_total \(hash\), key 4 bytes, value 8 bytes; at most 10000 rows at a time/,
      );
      assert.match(stdout, /^ {4}comm {2}bytes 0–15 {2}char\[16\] {2}string$/m);
      assert.match(stdout, /test_fentry_records_total: buffer test_fentry_ring \(ringbuf\).*; 1 series$/m);

      const strict = await runSonde(['check', '--config.dir', folder, '--config.strict', '--measure', '0s']);
      assert.equal(strict.status, 1);
      assert.doesNotMatch(strict.stdout, /runs\/s/);
    },
  );

  await t.test(
    'a label that cuts across a member is a warning, with its place; one that is a member is none',
    async (t) => {
      const folder = configFolder(t, { comm: { yaml: COMM.replace('LABELS', CUT), object: 'commands' } });
      const cut = await runSonde(['check', '--config.dir', folder, '--measure', '0s']);
      assert.equal(cut.status, 0, 'it loads');
      assert.match(
        cut.stdout,
        /^comm: warnings\n {2}warning: .*comm\.yaml:1:\d+: metrics\.counters\[0\]\.labels\[0\]/m,
      );
      writeFileSync(join(folder, 'comm.yaml'), COMM.replace('LABELS', WHOLE));
      const whole = await runSonde(['check', '--config.dir', folder, '--measure', '0s']);
      assert.match(whole.stdout, /^comm: ok$/m);
      assert.doesNotMatch(whole.stdout, /warning/);
    },
  );

  await t.test('faults of all configs are told, those of one do not hide those of another', async (t) => {
    const folder = configFolder(t, {
      sizes: { yaml: COMM.replace('LABELS', WHOLE.replace('16', '12')), object: 'commands' },
      map: { yaml: 'metrics: {counters: [{name: test_row_total, help: Rows}]}\n', object: 'commands' },
      broken: { yaml: COMM.replace('LABELS', WHOLE).replaceAll('_comm_', '_other_'), object: Buffer.from('none') },
      fine: { yaml: COMM.replace('LABELS', WHOLE), object: 'commands' },
    });
    const { status, stdout, stderr } = await runSonde(['check', '--config.dir', folder, '--measure', '0s']);
    assert.equal(status, 1);
    assert.match(stdout, /^sizes: faults\n {2}fault: .*sizes\.yaml:1:\d+: metrics\.counters\[0\]\.labels/m);
    assert.match(stdout, /^map: faults\n {2}fault: .*did you mean test_rows_total\?/m);
    assert.match(stdout, /^broken: faults\n {2}fault: .*broken/m);
    assert.match(stdout, /^fine: ok$/m);
    assert.doesNotMatch(stdout + stderr, /^\s+at /m);

    writeFileSync(join(folder, 'map.yaml'), 'metrics: {counters: [{nmae: x}]}\n');
    const text = await runSonde(['check', '--config.dir', folder]);
    assert.equal(text.status, 1);
    assertForPeople(text.stderr);
  });
});

test('sonde probes lists what is installed, without a kernel that runs it', async (t) => {
  const folder = configFolder(t, {
    asked: {
      yaml: `# yaml-language-server: $schema=x\n# Who asks,\n# and why?\n${COMM.replace('LABELS', WHOLE)}`,
      object: null,
    },
    private: {
      yaml: 'defaults: off\nsensitive: true\nmetrics: {gauges: [{name: level, help: How high, ringbuf: b, value: v}]}\n',
      object: null,
    },
  });
  const { status, stdout } = await runSonde(['probes', '--config.dir', folder]);
  assert.equal(status, 0);
  assert.equal(
    stdout,
    `asked: Who asks, and why?
  on by default
  ebpf_exporter_test_comm_total  counter  comm  Names

private: How high
  off unless named: --config.names private; sensitive: shows people's data
  ebpf_exporter_level  gauge    How high
`,
  );
});

test('sonde schema prints the file that is published', async () => {
  const { status, stdout } = await runSonde(['schema']);
  assert.equal(status, 0);
  assert.equal(stdout, readFileSync(join(packageRoot(), 'wire/config/probe.schema.json'), 'utf8'));
});
