import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { command, obeyThisProcess, programsOf } from '../harness/bpf-fixture.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { select, type Sample } from '../harness/kernel-metrics.js';
import { skipUnlessRoot } from '../harness/privileged.js';
import { configFolder, startSonde, type Sonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';

function rowsYaml(metric: string, help = 'Rows'): string {
  return `metrics:
  counters:
    - {name: ${metric}, help: ${help}, map: test_rows_total, labels: [{name: key, size: 4, decoders: [{name: uint}]}]}
`;
}

interface Running {
  readonly sonde: Sonde;
  readonly folder: string;
}

/** `a` and `b`, which obey this process. */
async function start(t: TestContext, args: readonly string[] = ['--web.enable-lifecycle']): Promise<Running> {
  const folder = configFolder(t, {
    a: { yaml: rowsYaml('a_total'), object: 'commands' },
    b: { yaml: rowsYaml('b_total'), object: 'commands' },
  });
  const sonde = await startSonde(t, ['--config.dir', folder, ...args]);
  for (const id of Object.values(programs(await sonde.scrape()))) obeyThisProcess(id);
  return { sonde, folder };
}

/** Number of the program of each config. */
function programs(samples: readonly Sample[]): Record<string, number> {
  const infos = select(samples, 'ebpf_exporter_ebpf_program_info');
  return Object.fromEntries(infos.map(({ labels }) => [labels['config']!, Number(labels['id'])]));
}

/** Value of a metric without labels, or with this key; undefined: it is not there. */
function value(samples: readonly Sample[], name: string, key?: number): number | undefined {
  return select(samples, name, key === undefined ? {} : { key: String(key) })[0]?.value;
}

async function post(sonde: Sonde): Promise<{ status: number; text: string }> {
  const response = await fetch(`${sonde.url}/-/reload`, { method: 'POST' });
  return { status: response.status, text: await response.text() };
}

test('reload', { skip: skipUnlessRoot }, async (t) => {
  await t.test('a changed probe counts on, one that is the same is not touched, one that is gone ends', async (t) => {
    const { sonde, folder } = await start(t);
    command('hash', 1, 10);
    const before = await sonde.scrape();
    assert.equal(value(before, 'ebpf_exporter_a_total', 1), 10);
    assert.equal(value(before, 'sonde_config_last_reload_successful'), 1);
    const old = programs(before);

    // Counted after the last scrape: nobody has read it when the reload begins.
    command('hash', 1, 7);
    writeFileSync(join(folder, 'b.yaml'), rowsYaml('b_total', 'Other words'));
    writeFileSync(join(folder, 'c.yaml'), rowsYaml('c_total'));
    copyFileSync(compileFixture('commands', 'bpf'), join(folder, 'c.bpf.o'));
    assert.deepEqual(await post(sonde), {
      status: 200,
      text: 'reloaded: 1 added (c), 1 changed (b), 1 unchanged\n',
    });
    const after = await sonde.scrape();
    const now = programs(after);
    assert.equal(now['a'], old['a']);
    assert.notEqual(now['b'], old['b']);
    assert.equal(value(after, 'ebpf_exporter_a_total', 1), 17);
    assert.equal(value(after, 'ebpf_exporter_b_total', 1), 17);
    assert.notEqual(value(after, 'sonde_config_hash'), value(before, 'sonde_config_hash'));

    for (const id of [now['b']!, now['c']!]) obeyThisProcess(id);
    command('hash', 1, 100);
    rmSync(join(folder, 'a.yaml'));
    rmSync(join(folder, 'a.bpf.o'));
    assert.equal((await post(sonde)).text, 'reloaded: 1 removed (a), 2 unchanged\n');
    const last = await sonde.scrape();
    assert.deepEqual(select(last, 'ebpf_exporter_a_total'), []);
    assert.equal(value(last, 'ebpf_exporter_b_total', 1), 117);
    assert.equal(value(last, 'ebpf_exporter_c_total', 1), 100);
    assert.deepEqual(Object.keys(programs(last)).sort(), ['b', 'c']);
  });

  await t.test('what is wrong leaves what runs as it is, and says why', async (t) => {
    const { sonde, folder } = await start(t);
    const before = await sonde.scrape();
    const faults: readonly [file: string, content: string | Uint8Array, expected: RegExp][] = [
      ['b.yaml', rowsYaml('b_total').replace('uint', 'uitn'), /b\.yaml:3:\d+: .*did you mean uint\?/],
      ['b.yaml', rowsYaml('b_total').replace('size: 4', 'size: 8'), /b\.yaml.*labels/],
      ['b.yaml', rowsYaml('b_total').replace('map: test_rows', 'map: test_row'), /did you mean test_rows_total\?/],
      ['b.bpf.o', Buffer.from('no object'), /b\.bpf\.o/],
      ['c.yaml', rowsYaml('a_total', 'Not the same'), /c\.bpf\.o is not beside it[^]*a_total is also in/],
    ];
    for (const [file, content, expected] of faults) {
      // Changed, too, and good: none of it may come to run.
      writeFileSync(join(folder, 'a.yaml'), rowsYaml('a_total', 'Better words'));
      const good = file === 'b.bpf.o' ? compileFixture('commands', 'bpf') : undefined;
      writeFileSync(join(folder, file), content);
      const { status, text } = await post(sonde);
      assert.equal(status, 500);
      assert.match(text, expected);
      assert.doesNotMatch(text, /^\s+at /m, 'no stack');
      const after = await sonde.scrape();
      assert.deepEqual(programs(after), programs(before));
      assert.equal(value(after, 'sonde_config_last_reload_successful'), 0);
      assert.equal(value(after, 'sonde_config_hash'), value(before, 'sonde_config_hash'));
      if (good !== undefined) copyFileSync(good, join(folder, file));
      else writeFileSync(join(folder, file), rowsYaml('b_total'));
      rmSync(join(folder, 'c.yaml'), { force: true });
    }
    assert.match(sonde.stderr(), /not reloaded, what ran before runs on/);
    command('hash', 3, 3);
    assert.equal((await post(sonde)).status, 200);
    const after = await sonde.scrape();
    assert.equal(value(after, 'sonde_config_last_reload_successful'), 1);
    assert.equal(value(after, 'ebpf_exporter_a_total', 3), 3);
    assert.equal(value(after, 'ebpf_exporter_b_total', 3), 3);
  });

  await t.test('a new probe that does not fit its object is a fault, and leaves no program behind', async (t) => {
    const { sonde, folder } = await start(t);
    const before = programs(await sonde.scrape());
    writeFileSync(join(folder, 'c.yaml'), 'metrics: {counters: [{name: refused_total, help: Never}]}\n');
    copyFileSync(compileFixture('refused', 'bpf'), join(folder, 'c.bpf.o'));
    const { status, text } = await post(sonde);
    assert.equal(status, 500, text);
    assert.match(text, /c\.yaml: metric refused_total: no map refused_total in the object/);
    assert.deepEqual(
      programsOf(sonde.pid),
      Object.values(before).sort((a, b) => a - b),
    );
  });

  await t.test('as Prometheus: off unless asked for, and only by POST or PUT', async (t) => {
    const { sonde } = await start(t, []);
    assert.deepEqual(await post(sonde), { status: 403, text: 'Lifecycle API is not enabled.\n' });
    const get = await fetch(`${sonde.url}/-/reload`);
    assert.equal(get.status, 405);
  });

  await t.test('SIGHUP, and a file that changes while config.watch is on', async (t) => {
    const { sonde, folder } = await start(t, ['--config.watch']);
    const old = programs(await sonde.scrape());
    sonde.kill('SIGHUP');
    await until(() => /reloaded: 2 unchanged/.test(sonde.stderr()), 'the signal to be obeyed');
    assert.deepEqual(programs(await sonde.scrape()), old);

    writeFileSync(join(folder, 'new'), rowsYaml('b_total', 'Other words'));
    renameSync(join(folder, 'new'), join(folder, 'b.yaml'));
    await until(() => /reloaded: 1 changed \(b\), 1 unchanged/.test(sonde.stderr()), 'the file to be noticed');
    assert.equal(programs(await sonde.scrape())['a'], old['a']);
  });

  await t.test('what loading needs has been dropped: refused by name, but removing is not', async (t) => {
    const { sonde, folder } = await start(t, ['--web.enable-lifecycle', '--capabilities.keep', 'none']);
    const before = programs(await sonde.scrape());
    writeFileSync(join(folder, 'b.yaml'), rowsYaml('b_total', 'Other words'));
    const { status, text } = await post(sonde);
    assert.equal(status, 500);
    assert.match(text, /dropped cap_perfmon and cap_bpf|dropped cap_bpf and cap_perfmon/);
    assert.deepEqual(programs(await sonde.scrape()), before);
    rmSync(join(folder, 'b.yaml'));
    rmSync(join(folder, 'b.bpf.o'));
    assert.equal((await post(sonde)).status, 200);
    assert.deepEqual(programs(await sonde.scrape()), { a: before['a'] });
  });

  await t.test('who asks while one is under way shares the next; none is lost', async (t) => {
    const { sonde, folder } = await start(t);
    writeFileSync(join(folder, 'b.yaml'), rowsYaml('b_total', 'Other words'));
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(sonde)));
    assert.ok(answers.every(({ status }) => status === 200));
    const after = await sonde.scrape();
    const reloads = select(after, 'sonde_config_reloads_total', { result: 'success' })[0]!.value;
    assert.ok(reloads >= 2 && reloads <= 4, `${reloads} loads, the start included`);
  });
});
