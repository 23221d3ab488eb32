import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { command, obeyThisProcess, signalNobody, startCommands, startObeying } from '../harness/bpf-fixture.js';
import { select, total } from '../harness/kernel-metrics.js';
import { readOpenMetrics } from '../harness/openmetrics.js';
import { configFolder, startSonde, type Sonde } from '../harness/sonde.js';

const ROWS = 'ebpf_exporter_test_rows_total';
const LRU = 'ebpf_exporter_test_lru_total';
/** The interval poll is as rare as can be: what the tests see was read by their own scrapes. */
const NO_POLLS = ['--poll-interval', '3600'];

/** Values of a metric as text, by its one label: a number would round what is above 2^53. */
async function values(sonde: Sonde, name: string): Promise<Map<string, string>> {
  const text = await (await fetch(`${sonde.url}/metrics`)).text();
  return new Map(
    [...text.matchAll(new RegExp(`^${name}\\{\\w+="(.*)"\\} (\\d+)$`, 'gm'))].map(([, key, value]) => [key!, value!]),
  );
}

function sum(rows: ReadonlyMap<string, string>): bigint {
  return [...rows.values()].reduce((all, value) => all + BigInt(value), 0n);
}

test('every command is counted, exactly once', async (t) => {
  const sonde = await startCommands(t, NO_POLLS);
  assert.equal((await values(sonde, ROWS)).size, 0);
  for (let key = 0; key < 23; key++) command('hash', key, key + 1);
  for (let i = 0; i < 17; i++) command('perCpu', 5, 2);
  const rows = await values(sonde, ROWS);
  assert.deepEqual([...rows].sort(), Array.from({ length: 23 }, (_, key) => [String(key), String(key + 1)]).sort());
  assert.deepEqual([...(await values(sonde, 'ebpf_exporter_test_percpu_total'))], [['5', '34']]);
  // Others' system calls are not obeyed.
  execFileSync('sh', ['-c', 'kill -0 1073741825 2>/dev/null || true']);
  assert.deepEqual(await values(sonde, ROWS), rows);
});

test('two metrics of one map are both served, and the map is read once', async (t) => {
  const second = `    - name: test_again_total
      help: The rows again
      map: test_rows_total
      labels: [{name: key, size: 4, decoders: [{name: hex}]}]
`;
  const yaml = `metrics:\n  counters:\n    - name: test_rows_total\n      help: Rows\n      labels: [{name: key, size: 4, decoders: [{name: uint}]}]\n${second}`;
  const sonde = await startSonde(t, ['--config.dir', configFolder(t, { two: { yaml, object: 'commands' } })]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
  command('hash', 10, 5);
  assert.deepEqual([...(await values(sonde, ROWS))], [['10', '5']]);
  assert.deepEqual([...(await values(sonde, 'ebpf_exporter_test_again_total'))], [['0a000000', '5']]);
  const samples = await sonde.scrape();
  assert.equal(select(samples, 'sonde_map_entries').length, 1);
  assert.equal(total(samples, 'sonde_aggregator_lost_total'), 0);
});

test('a label may name a member of the key', async (t) => {
  const yaml = `metrics:
  counters:
    - name: test_comm_total
      help: Rows
      labels: [{name: third, member: "comm[2]", decoders: [{name: uint}]}]
`;
  const sonde = await startSonde(t, ['--config.dir', configFolder(t, { probe: { yaml, object: 'commands' } })]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
  const own = readFileSync('/proc/self/comm');
  t.after(() => writeFileSync('/proc/self/comm', own.subarray(0, -1)));
  for (const [name, n] of [
    ['abc', 5],
    ['xyc', 7],
    ['ab', 1],
  ] as const) {
    writeFileSync('/proc/self/comm', name);
    command('comm', 0, n);
  }
  assert.deepEqual([...(await values(sonde, 'ebpf_exporter_test_comm_total'))].sort(), [
    ['0', '1'],
    ['99', '12'],
  ]);
});

test('values above 2^53 are exact, up to the largest u64 and round it', async (t) => {
  const sonde = await startCommands(t, NO_POLLS);
  command('hashHigh', 1, 2 ** 21);
  command('hash', 1, 1);
  for (const [part, n] of [
    ['hashHigh', 0xffffffff],
    ['hash', 0xffffffff],
  ] as const)
    addLarge(part, 2, n);
  assert.deepEqual([...(await values(sonde, ROWS))].sort(), [
    ['1', '9007199254740993'],
    ['2', '18446744073709551615'],
  ]);
  command('hash', 1, 1);
  assert.equal((await values(sonde, ROWS)).get('1'), '9007199254740994');
});

test('a deleted row stays in its counter, and goes on from there when it comes back', async (t) => {
  const sonde = await startCommands(t, NO_POLLS);
  command('hash', 7, 20);
  command('hash', 8, 5);
  assert.equal((await values(sonde, ROWS)).get('7'), '20');
  command('delete', 7, 0);
  assert.equal((await values(sonde, ROWS)).get('7'), '20', 'deleted, and read');
  command('hash', 7, 3);
  assert.equal((await values(sonde, ROWS)).get('7'), '23', 'back');
  // Deleted and back between two reads, with less than it had: seen because it is lower.
  command('delete', 7, 0);
  command('hash', 7, 2);
  const rows = await values(sonde, ROWS);
  assert.deepEqual([rows.get('7'), rows.get('8')], ['25', '5']);
  assert.equal(total(await sonde.scrape(), 'sonde_map_entries', { map: 'test_rows_total' }), 2);
});

test('counters of an LRU map never fall when a burst of other keys evicts their rows, and the sum is exact', async (t) => {
  const sonde = await startCommands(t, NO_POLLS);
  const KEYS = 200;
  for (let key = 0; key < KEYS; key++) command('lru', key, 20);
  const before = await values(sonde, LRU);
  assert.equal(sum(before), BigInt(KEYS * 20), 'all were read before the burst');

  const BURST = 20_000;
  for (let key = 0; key < BURST; key++) command('lru', 1000 + key, 1);
  const between = await values(sonde, LRU);
  const left = total(await sonde.scrape(), 'sonde_map_entries', { map: 'test_lru_total' });
  assert.ok(left <= 1000, 'the kernel has evicted');
  for (let key = 0; key < KEYS; key++) command('lru', key, 1);
  const after = await values(sonde, LRU);

  for (const [key, value] of before) {
    assert.ok(BigInt(between.get(key)!) >= BigInt(value), `row ${key} fell in the burst`);
    assert.equal(after.get(key), '21', `row ${key}: 20 seen before the burst, 1 after it`);
  }
  for (const [key, value] of between) assert.ok(BigInt(after.get(key) ?? '-1') >= BigInt(value), `row ${key} fell`);
});

test('counters never fall under churn: each read is at least the one before, and no more than was counted', async (t) => {
  const sonde = await startCommands(t, ['--poll-interval', '0.1']);
  let last = new Map<string, string>();
  let counted = 0n;
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 1500; i++) {
      command('lru', (round * 700 + i) % 4000, 1);
      counted++;
    }
    const now = await values(sonde, LRU);
    for (const [key, value] of last) assert.ok(BigInt(now.get(key) ?? '-1') >= BigInt(value), `row ${key} fell`);
    assert.ok(sum(now) <= counted, 'more than was counted');
    last = now;
  }
});

test('a full map shows, by its rows and by what the program could not count', async (t) => {
  const sonde = await startCommands(t, NO_POLLS);
  const labels = { config: 'commands', map: 'test_small_total' };
  for (let key = 0; key < 60; key++) command('small', key, 1);
  let samples = await sonde.scrape();
  assert.equal(total(samples, 'sonde_map_entries', labels), 60);
  assert.equal(total(samples, 'sonde_map_max_entries', labels), 64);
  assert.equal(total(samples, 'sonde_lost_total', { hop: 'kernel', reason: 'map_full', config: 'commands' }), 0);
  for (let key = 60; key < 100; key++) command('small', key, 1);
  samples = await sonde.scrape();
  const entries = total(samples, 'sonde_map_entries', labels);
  const lost = total(samples, 'sonde_lost_total', { hop: 'kernel', reason: 'map_full', config: 'commands' });
  assert.equal(entries, 64);
  assert.equal(lost, 36);
  assert.equal(total(samples, 'ebpf_exporter_test_small_total') + lost, 100, 'counted or lost: each once');
});

test('what the kernel keeps from a program that is hit while it runs is counted as lost', async (t) => {
  const sonde = await startObeying(t, 'recursion', NO_POLLS);
  const lost = { hop: 'kernel', reason: 'recursion', config: 'recursion' };
  assert.equal(total(await sonde.scrape(), 'sonde_lost_total', lost), 0);
  for (let i = 0; i < 7; i++) signalNobody(0x4000_0000, 0);
  const samples = await sonde.scrape();
  assert.equal(total(samples, 'ebpf_exporter_test_faults_total'), 7);
  assert.equal(total(samples, 'sonde_lost_total', lost), 7);
});

test('a process whose name is no UTF-8, or has signs of the format, hurts nobody', async (t) => {
  const sonde = await startCommands(t, NO_POLLS);
  const own = readFileSync('/proc/self/comm');
  t.after(() => writeFileSync('/proc/self/comm', own.subarray(0, -1)));
  const names = [
    Buffer.from([0xff, 0xfe, 0x62, 0x61, 0x64]),
    Buffer.from([0xff, 0x62, 0x61, 0x64]),
    Buffer.from([0xc3, 0x28]), // a lead byte without its tail
    Buffer.from([0xed, 0xa0, 0x80]), // a surrogate
    Buffer.from('\ufffdff'),
    Buffer.from('a"b\\c\n{}#,='),
    Buffer.from('ümläut'),
  ];
  for (const [i, name] of names.entries()) {
    writeFileSync('/proc/self/comm', name);
    command('comm', 0, i + 1);
  }
  const response = await fetch(`${sonde.url}/metrics`, { headers: { accept: 'application/openmetrics-text' } });
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await response.arrayBuffer());
  const family = readOpenMetrics(text).get('ebpf_exporter_test_comm');
  assert.deepEqual(
    [...(family?.samples ?? [])]
      .map(([key, value]) => [key.slice('ebpf_exporter_test_comm_total'.length), value])
      .sort((a, b) => Number(a[1]) - Number(b[1])),
    [
      ['{comm="\ufffdff\ufffdfebad"}', '1'],
      ['{comm="\ufffdffbad"}', '2'],
      ['{comm="\ufffdc3("}', '3'],
      ['{comm="\ufffded\ufffda0\ufffd80"}', '4'],
      ['{comm="\ufffd\ufffdff"}', '5'],
      ['{comm="a\\"b\\\\c\\n{}#,="}', '6'],
      ['{comm="ümläut"}', '7'],
    ],
  );
  const checked = execFileSync('promtool', ['check', 'metrics'], {
    input: await (await fetch(`${sonde.url}/metrics`)).text(),
  });
  assert.equal(checked.toString(), '');
  assert.equal(select(await sonde.scrape(), 'ebpf_exporter_decoder_errors_total', { config: 'commands' })[0]?.value, 0);
});

/** Adds up to 2^32 - 1, in commands of at most 2^30 - 1. */
function addLarge(op: 'hash' | 'hashHigh', key: number, n: number): void {
  for (let rest = n; rest > 0; rest -= 0x3fff_ffff) command(op, key, Math.min(rest, 0x3fff_ffff));
}
