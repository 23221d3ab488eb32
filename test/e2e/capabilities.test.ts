import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import test from 'node:test';
import { command, fixtureYaml, obeyThisProcess, programsOf, startCommands } from '../harness/bpf-fixture.js';
import { total } from '../harness/kernel-metrics.js';
import { configFolder, runSonde, startSonde } from '../harness/sonde.js';
import { assertKept, CAPABILITY_SETS, NO_CAPABILITIES, threadStatus } from '../harness/thread-status.js';
import { testFolder } from '../services/folders.js';
import { assertForPeople, assertRefused } from './assert-refused.js';

/** Bits 34 and 39 of linux/capability.h. */
const CAP_SYSLOG = '0000000400000000';
const CAP_SYSLOG_AND_BPF = '0000008400000000';

test('all capabilities are gone in every thread, and values stay fresh', async (t) => {
  const sonde = await startCommands(t);
  assert.match(sonde.stderr(), /INFO: capabilities: kept none$/m);
  for (const [n, sum] of [
    [23, 23],
    [19, 42],
  ] as const) {
    command('hash', 1, n);
    assert.equal(total(await sonde.scrape(), 'ebpf_exporter_test_rows_total', { key: '1' }), sum);
    assertKept(sonde.pid, NO_CAPABILITIES);
  }
  assert.equal(await sonde.stop(), 0);
  assertForPeople(sonde.stderr());
});

test('a config that names kernel symbols keeps what reading them takes', async (t) => {
  const sonde = await startSonde(t, ['--config.names', 'timers']);
  assert.match(sonde.stderr(), /INFO: capabilities: kept cap_syslog \(kernel symbols\)$/m);
  assertKept(sonde.pid, CAP_SYSLOG);
});

test('named capabilities are kept, in either case', async (t) => {
  const sonde = await startCommands(t, ['--capabilities.keep', 'cap_syslog, CAP_BPF']);
  assert.match(sonde.stderr(), /INFO: capabilities: kept cap_syslog, cap_bpf$/m);
  assertKept(sonde.pid, CAP_SYSLOG_AND_BPF);
});

test('none is none, also for what would want some', async (t) => {
  const sonde = await startSonde(t, ['--config.names', 'timers', '--capabilities.keep=none']);
  assertKept(sonde.pid, NO_CAPABILITIES);
  assert.ok(total(await sonde.scrape(), 'ebpf_exporter_timer_starts_total') > 0);
});

test('all changes nothing', async (t) => {
  const sonde = await startCommands(t, ['--capabilities.keep', 'all']);
  assert.match(sonde.stderr(), /INFO: capabilities: kept all \(.*\bcap_bpf\b.*\)$/m);
  const here = threadStatus(process.pid, [...CAPABILITY_SETS, 'NoNewPrivs']);
  assert.deepEqual(threadStatus(sonde.pid, [...CAPABILITY_SETS, 'NoNewPrivs']), here);
});

test('sonde collect drops them, too', async (t) => {
  const folder = configFolder(t, { commands: { yaml: fixtureYaml('commands'), object: 'commands' } });
  const kafka = ['--kafka.brokers', '127.0.0.1:1', '--spool.dir', testFolder(t, 'spool')];
  const sonde = await startSonde(t, ['--config.dir', folder, '--poll-interval', '0.1', ...kafka], 'collect');
  for (const id of programsOf(sonde.pid)) obeyThisProcess(id);
  assertKept(sonde.pid, NO_CAPABILITIES);
  assert.equal(total(await sonde.scrape(), 'sonde_poll_errors_total'), 0);
});

test('CAP_BPF and CAP_PERFMON are enough, also for programs that ask for types which this kernel does not have', async (t) => {
  const folder = configFolder(t, { 'absent-type': { yaml: fixtureYaml('absent-type'), object: 'absent-type' } });
  chmodSync(folder, 0o755);
  const set = '-all,+bpf,+perfmon';
  const ids = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', `--bounding-set=${set}`];
  const prefix = ['setpriv', ...ids, `--inh-caps=${set}`, `--ambient-caps=${set}`];
  const { status, stdout, stderr } = await runSonde(['run', '--config.dir', folder, '--config.check'], { prefix });
  assert.deepEqual([status, stdout, stderr], [0, 'attached  absent-type; nothing was refused\n', '']);
});

test('what is no capability is refused', async () => {
  for (const [keep, says] of [
    ['cap_sylog', /--capabilities\.keep\[0\]: "cap_sylog" is not known here; did you mean cap_syslog\?/],
    ['cap_bpf,none', /--capabilities\.keep: has none beside others; write it alone, or only names/],
    ['', /--capabilities\.keep\[0\]: "" is not known here/],
  ] as const) {
    assertRefused(await runSonde(['run', '--capabilities.keep', keep]), says);
  }
});
