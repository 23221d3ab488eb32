import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { suite } from 'node:test';
import { fixtureYaml, isLoaded, programsOf, startCommands } from '../harness/bpf-fixture.js';
import { select } from '../harness/kernel-metrics.js';
import { packageRoot } from '../harness/root.js';
import { configFolder, runSonde, startSonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';
import { assertForPeople, assertRefused } from './assert-refused.js';
import { SONDE } from '../harness/executable.js';

const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };

test('--version and --help answer and end', async () => {
  const [versionAnswer, help, runHelp] = await Promise.all([
    runSonde(['--version']),
    runSonde(['--help']),
    runSonde(['run', '--help']),
  ]);
  assert.deepEqual([versionAnswer.status, versionAnswer.stdout], [0, `${version}\n`]);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /^ {2}run /m);
  assert.equal(runHelp.status, 0);
  for (const flag of [
    'config.dir',
    'config.names',
    'config.check',
    'config.strict',
    'web.listen-address',
    'web.telemetry-path',
    'debug',
    'log.no-timestamps',
  ]) {
    assert.match(runHelp.stdout, new RegExp(`--${flag.replaceAll('.', '\\.')}\\b`), flag);
  }
  assert.match(runHelp.stdout, /:9435/);
});

const MISTYPED: readonly [readonly string[], RegExp][] = [
  [['rnu'], /unknown command 'rnu'[^]*run/],
  [['run', '--config.chek'], /'--config.chek'[^]*--config\.check\b/],
  [['run', '--web.listen-adress=:0'], /'--web.listen-adress=?[^]*--web\.listen-address\b/],
  [['run', '--debug=yes'], /option '--debug' takes no value/],
  [['run', '--config.dir'], /--config\.dir[^]*missing/],
  [['run', 'timers'], /too many arguments/],
  [['run', '--poll-interval', '0'], /--poll-interval[^]*seconds, from 0\.1/],
  [['run', '--web.listen-address', 'nonsense'], /--web\.listen-address: "nonsense"[^]*127\.0\.0\.1:9435/],
  [['run', '--web.listen-address', ':65536'], /":65536" is no address/],
  [['run', '--web.telemetry-path', 'metrics'], /--web\.telemetry-path: "metrics"[^]*\/metrics/],
  [['run', '--web.telemetry-path', '/'], /--web\.telemetry-path: \/ is the page[^]*another/],
  [['run', '--web.telemetry-path', '/healthz'], /--web\.telemetry-path: \/healthz/],
  [['run', '--web.telemetry-path', '/a/:b*'], /--web\.telemetry-path: "\/a\/:b\*"/],
];

suite('what is mistyped is refused, with what to write', { concurrency: 2 }, () => {
  for (const [args, says] of MISTYPED) {
    test(`sonde ${args.join(' ')}`, async () => assertRefused(await runSonde(args), says));
  }
});

test('without a command it lists the commands', async () => {
  const result = await runSonde([]);
  assert.equal(result.status, 1);
  assert.match(result.stderr, /^ {2}run /m);
});

test('flags take their value with a space and with =, and --config.check says what is attached', async (t) => {
  const folder = configFolder(t, { commands: { yaml: fixtureYaml('commands'), object: 'commands' } });
  for (const args of [
    ['--config.dir', folder, '--config.names', 'commands'],
    [`--config.dir=${folder}`, '--config.names=commands'],
  ]) {
    const { status, stdout, stderr } = await runSonde(['run', ...args, '--config.check']);
    assert.deepEqual([status, stdout, stderr], [0, 'attached  commands; nothing was refused\n', '']);
  }
});

test('--config.strict names the refused program and why, and ends with status 1', async (t) => {
  const folder = configFolder(t, { refused: { yaml: fixtureYaml('refused'), object: 'refused' } });
  const strict = await runSonde(['run', '--config.dir', folder, '--config.strict', '--web.listen-address', ':0']);
  assertRefused(strict, /--config\.strict/, /refused\/by_fentry: fentry is not permitted by this kernel/);
  const check = await runSonde(['run', '--config.dir', folder, '--config.strict', '--config.check']);
  assertRefused(check, /by_fentry/);
});

test('--config.strict takes a config whose second variant runs', async (t) => {
  const folder = configFolder(t, { variants: { yaml: fixtureYaml('variants'), object: 'variants' } });
  const { status, stdout } = await runSonde(['run', '--config.dir', folder, '--config.strict', '--config.check']);
  assert.deepEqual([status, stdout], [0, 'attached  variants (tracepoint); nothing was refused\n']);
});

test('--debug says which variant was not used, --log.no-timestamps leaves the time out', async (t) => {
  const folder = configFolder(t, { variants: { yaml: fixtureYaml('variants'), object: 'variants' } });
  const args = ['run', '--config.dir', folder, '--config.check'];
  const [quiet, debug, bare] = await Promise.all([
    runSonde(args),
    runSonde([...args, '--debug']),
    runSonde([...args, '--debug', '--log.no-timestamps']),
  ]);
  assert.equal(quiet.stderr, '');
  assert.match(debug.stderr, /^\[\d{4}-\d\d-\d\d [\d:.]+\] DEBUG: variants: variant fentry not used/m);
  assert.match(bare.stderr, /^DEBUG: variants: variant fentry not used: by_fentry: fentry is not permitted/m);
});

test('without root it says what to do in one sentence', async () => {
  const prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
  const result = await runSonde(['run', '--web.listen-address', '127.0.0.1:0'], { prefix });
  assertRefused(result, /^sonde: .*needs root.*sudo$/m);
  assert.equal(result.stderr.trim().split('\n').length, 1);
});

test('the metrics are where --web.telemetry-path says, and nowhere else', async (t) => {
  const sonde = await startSonde(t, ['--config.names', 'timers', '--web.telemetry-path=/what/ever']);
  assert.match(sonde.stdout(), /^metrics\s+http:\/\/127\.0\.0\.1:\d+\/what\/ever$/m);
  assert.equal((await fetch(`${sonde.url}/what/ever`)).status, 200);
  assert.equal((await fetch(`${sonde.url}/metrics`)).status, 404);
  assert.match(await (await fetch(sonde.url)).text(), /href="\/what\/ever"/);
});

test('a port in use is named, and no program stays behind', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const result = await runSonde(['run', '--config.names', 'timers', '--web.listen-address', address]);
  assertRefused(result, new RegExp(`${address} is in use`), /--web\.listen-address/);
});

test('addresses that cannot be listened on are named', async () => {
  for (const address of ['nowhere.invalid:1', '192.0.2.1:1', '[fe80::1]:1', '[::x]:1']) {
    const result = await runSonde(['run', '--config.names', 'timers', '--web.listen-address', address]);
    assertRefused(result, /cannot listen on \S+ \(E[A-Z_]+\): choose another with --web\.listen-address/);
    assert.ok(result.stderr.includes(address), address);
  }
});

test('it goes on when nobody reads what it prints', async (t) => {
  const child = spawn(
    process.execPath,
    [SONDE, 'run', '--config.names', 'timers', '--web.listen-address', '127.0.0.1:0'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'exit');
  // What it prints goes nowhere, so where it listens is asked of the kernel.
  const url = await listenerOf(child.pid!, () => stderr);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null], stderr);
});

test('SIGTERM ends it with status 0 and takes every program out of the kernel', async (t) => {
  const sonde = await startCommands(t);
  const ids = select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info').map(({ labels }) => Number(labels['id']));
  assert.equal(ids.length, 1);
  assert.deepEqual(programsOf(sonde.pid).sort(), ids);
  assert.equal(await sonde.stop('SIGTERM'), 0);
  await untilUnloaded(ids);
  assert.match(sonde.stderr(), /stopping/);
  assertForPeople(sonde.stderr());
});

test('a killed process leaves no program behind either', async (t) => {
  const sonde = await startCommands(t);
  const ids = programsOf(sonde.pid);
  assert.equal(ids.length, 1);
  sonde.kill('SIGKILL');
  await assert.rejects(sonde.ended, /SIGKILL/);
  await untilUnloaded(ids);
});

test('SIGINT stops in order; a second one at once, with the status of an interrupted command', async (t) => {
  const once = await startSonde(t, ['--config.names', 'timers']);
  assert.equal(await once.stop('SIGINT'), 0);
  const twice = await startSonde(t, ['--config.names', 'timers']);
  twice.kill('SIGINT');
  // Of two signals at once the kernel may hand over the second one first, to another thread.
  await until(() => twice.stderr().includes('stopping'), 'the first signal');
  twice.kill('SIGTERM');
  // Either the stop was done before the second signal came, or that one ended it.
  assert.ok([0, 143].includes(await twice.ended));
});

/** The kernel frees a program a moment after its last descriptor is closed. */
async function untilUnloaded(ids: readonly number[]): Promise<void> {
  for (let tries = 0; ids.some(isLoaded); tries++) {
    assert.ok(tries < 50, `programs ${ids.join(', ')} are still loaded`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Where a process listens. */
async function listenerOf(pid: number, output: () => string): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const sockets = execFileSync('ss', ['-ltnpH'], { encoding: 'utf8' });
    const address = new RegExp(`^LISTEN\\s+\\d+\\s+\\d+\\s+(\\S+) .*pid=${pid},`, 'm').exec(sockets)?.[1];
    if (address !== undefined) return `http://${address}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`process ${pid} does not listen: ${output()}`);
}
