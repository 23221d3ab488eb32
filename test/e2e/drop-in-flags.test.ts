import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { command, fixtureYaml, obeyThisProcess } from '../harness/bpf-fixture.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { select } from '../harness/kernel-metrics.js';
import { skipUnlessRoot } from '../harness/privileged.js';
import { configFolder, runSonde, startSonde } from '../harness/sonde.js';

/** What ebpf_exporter's command line and `kaddrs` can say, on this machine's kernel. */

const told = (kaddrs: string): string => `metrics:
  counters:
    - name: test_told
      help: What user space has told the program
      labels: [{name: index, size: 4, decoders: [{name: uint}]}]
kaddrs: ${kaddrs}
`;
const GOOD = '[vfs_read, vfs_write]';
/** tgid of `other-btf.bpf.c`. */
const OTHER_OFFSET = 4936;

function toldFolder(t: TestContext, kaddrs: string): string {
  return configFolder(t, { kaddrs: { yaml: told(kaddrs), object: 'kaddrs' } });
}

/** The digits of a value, which is too large for a number. */
async function digits(url: string, index: number): Promise<string | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return new RegExp(`^ebpf_exporter_test_told{index="${index}"} (\\d+)$`, 'm').exec(text)?.[1];
}

function addressOf(symbol: string): string {
  const line = new RegExp(`^([0-9a-f]+) \\w ${symbol}$`, 'm').exec(readFileSync('/proc/kallsyms', 'latin1'));
  return BigInt(`0x${line![1]}`).toString();
}

test('kaddrs', { skip: skipUnlessRoot }, async (t) => {
  await t.test('reach the program as /proc/kallsyms has them', async (t) => {
    const { url } = await startSonde(t, ['--config.dir', toldFolder(t, GOOD)]);
    assert.deepEqual([await digits(url, 0), await digits(url, 1)], [addressOf('vfs_read'), addressOf('vfs_write')]);
  });

  await t.test('of a symbol that is not there: the probe says so, and the others run', async (t) => {
    const folder = configFolder(t, {
      kaddrs: { yaml: told('[vfs_read, no_such_symbol]'), object: 'kaddrs' },
      commands: { yaml: fixtureYaml('commands'), object: 'commands' },
    });
    const sonde = await startSonde(t, ['--config.dir', folder]);
    const samples = await sonde.scrape();
    const [up] = select(samples, 'sonde_program_up', { config: 'kaddrs' });
    assert.deepEqual(
      [up?.value, up?.labels['reason']],
      [0, 'this kernel has no symbol no_such_symbol, whose address is needed'],
    );
    assert.equal(select(samples, 'sonde_program_up', { config: 'commands' })[0]?.value, 1);
    assert.deepEqual(select(samples, 'ebpf_exporter_test_told'), []);
  });

  const hides = ['kptr_restrict', 'perf_event_paranoid'].map((name) =>
    Number(readFileSync(`/proc/sys/kernel/${name}`)),
  );
  const skip =
    hides[0]! > 0 || hides[1]! > 1 ? false : 'this kernel shows addresses to everybody (kernel.kptr_restrict)';
  await t.test('that are hidden: the probe says so', { skip }, async (t) => {
    const prefix = ['setpriv', '--bounding-set=-syslog'];
    const sonde = await startSonde(t, ['--config.dir', toldFolder(t, GOOD)], 'run', prefix);
    const [up] = select(await sonde.scrape(), 'sonde_program_up');
    assert.equal(
      up?.labels['reason'],
      'the address of vfs_read is hidden: kernel.kptr_restrict, or CAP_SYSLOG is missing',
    );
  });

  await t.test('that the object has no place for are refused', async (t) => {
    const { status, stderr } = await runSonde(['run', '--config.check', '--config.dir', toldFolder(t, '[schedule]')]);
    assert.equal(status, 1);
    assert.match(stderr, /kaddrs names schedule, but the object has no const volatile u64 kaddr_schedule/);
  });
});

test('--btf.path', { skip: skipUnlessRoot }, async (t) => {
  await t.test('programs are fitted to the BTF that is named', async (t) => {
    const folder = toldFolder(t, GOOD);
    const own = await startSonde(t, ['--config.dir', folder]);
    assert.notEqual(await digits(own.url, 2), String(OTHER_OFFSET));
    const other = await startSonde(t, ['--config.dir', folder, '--btf.path', compileFixture('other-btf', 'bpf')]);
    assert.equal(await digits(other.url, 2), String(OTHER_OFFSET));
  });

  await t.test('sonde check fits programs to it', async (t) => {
    const folder = configFolder(t, { commands: { yaml: fixtureYaml('commands'), object: 'commands' } });
    const args = ['check', '--config.dir', folder, '--measure', '0s'];
    assert.match((await runSonde(args)).stdout, /program on_command .* attaches$/m);
    const other = await runSonde([...args, '--btf.path', compileFixture('other-btf', 'bpf')]);
    // That BTF has no registers.
    assert.match(other.stdout, /program on_command .*does not attach: .*CO-RE relocation/);
  });

  await t.test('what is no BTF, or not there, is said at once', async (t) => {
    const folder = toldFolder(t, GOOD);
    const check = (path: string): ReturnType<typeof runSonde> =>
      runSonde(['run', '--config.check', '--config.dir', folder, '--btf.path', path]);
    const [missing, wrong] = [await check('/no/such/btf'), await check(join(folder, 'kaddrs.yaml'))];
    assert.deepEqual([missing.status, wrong.status], [1, 1]);
    assert.match(missing.stderr, /--btf\.path \/no\/such\/btf cannot be read \(ENOENT\)/);
    assert.match(wrong.stderr, /kaddrs\.yaml is not BTF/);
    const ofCheck = await runSonde(['check', '--config.dir', folder, '--btf.path', '/no/such/btf']);
    assert.equal(ofCheck.status, 1);
    assert.match(ofCheck.stderr, /--btf\.path \/no\/such\/btf cannot be read \(ENOENT\)/);
  });
});

/** Two labels, of which the second has the rows of one key skipped. */
const SKIPPING = `metrics:
  counters:
    - name: test_rows_total
      help: Rows of a hash
      labels:
        - {name: low, size: 2, decoders: [{name: uint}]}
        - {name: high, size: 2, decoders: [{name: uint}, {name: regexp, regexps: ['^0$']}]}
    - name: test_percpu_total
      help: Rows of a per-CPU hash
      labels:
        - {name: key, size: 4, decoders: [{name: uint}]}
        - {name: cpu, size: 2, decoders: [{name: uint}]}
`;

test('--debug and --config.skip-cache-size', { skip: skipUnlessRoot }, async (t) => {
  const folder = configFolder(t, { commands: { yaml: SKIPPING, object: 'commands' } });

  await t.test('/maps shows keys, labels and values, and what is skipped; libbpf says what it does', async (t) => {
    const sonde = await startSonde(t, ['--config.dir', folder, '--debug', '--config.skip-cache-size', '100']);
    obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
    command('hash', 7, 23);
    command('hash', 0x10007, 5);
    command('perCpu', 4, 41);
    assert.deepEqual(
      select(await sonde.scrape(), 'ebpf_exporter_test_rows_total').map(({ labels, value }) => ({ ...labels, value })),
      [{ low: '7', high: '0', value: 23 }],
      'a key whose second label is skipped has no series',
    );
    const lines = (await (await fetch(`${sonde.url}/maps`)).text()).split('\n');
    assert.ok(lines.includes('# commands: test_rows_total, hash of 10000 entries at most'), lines.join('\n'));
    assert.ok(lines.includes('07000000 ebpf_exporter_test_rows_total{high="0",low="7"} 23'));
    assert.ok(lines.includes('07000100 ebpf_exporter_test_rows_total (skipped by a decoder) 5'));
    const perCpu = lines.filter((line) => line.includes('test_percpu_total{'));
    const sum = perCpu.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    assert.equal(sum, 41);
    assert.ok(perCpu[0]?.startsWith('040000000000 ebpf_exporter_test_percpu_total{cpu="0",key="4"} '), perCpu[0]);
    assert.match(sonde.stderr(), /^libbpf: .*commands/m);
    assert.match(sonde.stderr(), /config\.skip-cache-size has no effect/);
  });

  await t.test('without --debug there is no /maps, and libbpf is silent', async (t) => {
    const sonde = await startSonde(t, ['--config.dir', folder]);
    assert.equal((await fetch(`${sonde.url}/maps`)).status, 404);
    assert.doesNotMatch(sonde.stderr(), /libbpf/);
  });
});
