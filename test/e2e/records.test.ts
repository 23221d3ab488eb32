import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import test, { type TestContext } from 'node:test';
import { obeyThisProcess } from '../harness/bpf-fixture.js';
import { select, total } from '../harness/kernel-metrics.js';
import { readOpenMetrics } from '../harness/openmetrics.js';
import { eventBytes, startRecords, writeRecords } from '../harness/record-command.js';
import { configFolder, startSonde, type Sonde } from '../harness/sonde.js';
import { assertForPeople } from './assert-refused.js';

/** The interval poll is as rare as can be: what the tests see was asked for by their own scrapes. */
const NO_POLLS = ['--poll-interval', '3600'];
const RING = { config: 'records', map: 'test_ring' };
const PERF = { config: 'records', map: 'test_perf' };

/** The lines of the probe's own metrics, sorted. */
async function lines(sonde: Sonde): Promise<string[]> {
  const response = await fetch(`${sonde.url}/metrics`, { headers: { accept: 'application/openmetrics-text' } });
  const text = await response.text();
  readOpenMetrics(text);
  return (text.match(/^ebpf_exporter_test_.*$/gm) ?? []).map((line) => line.slice('ebpf_exporter_'.length)).sort();
}

test('records of a ring buffer: counters, gauges and a histogram, exactly', async (t) => {
  const sonde = await startRecords(t, NO_POLLS);
  assert.deepEqual(await lines(sonde), []);
  writeRecords('ring', eventBytes({ key: 5, amount: 2n, level: 3, name: 'one' }), 23);
  writeRecords('ring', eventBytes({ key: 6, amount: 9007199254740993n, level: 1, load: 0.5, name: 'one' }));
  writeRecords('ring', eventBytes({ key: 5, amount: 7n, level: -40, load: -1.25, name: 'one' }), 2);
  assert.deepEqual(
    await lines(sonde),
    [
      'test_amount_bucket{le="1"} 23',
      'test_amount_bucket{le="2"} 23',
      'test_amount_bucket{le="4"} 25',
      'test_amount_bucket{le="+Inf"} 26',
      'test_amount_count 26',
      'test_amount_sum 4.503599627370526e+15',
      'test_level -40',
      'test_load -1.25',
      'test_ring_amount_total 9007199254741053',
      'test_ring_records_total{key="5",name="one"} 25',
      'test_ring_records_total{key="6",name="one"} 1',
    ].sort(),
  );
  // Again: what was counted is not counted twice.
  writeRecords('ring', eventBytes({ key: 6, amount: 1n, name: 'one' }), 17);
  assert.ok((await lines(sonde)).includes('test_ring_records_total{key="6",name="one"} 18'));
  assertForPeople(sonde.stderr());
});

test('records of a perf buffer, also as ebpf_exporter counts them', async (t) => {
  const sonde = await startRecords(t, NO_POLLS);
  writeRecords('perf', eventBytes({ atNs: 1n, key: 5, amount: 3n, level: -3, kind: 1 }), 19);
  writeRecords('perf', eventBytes({ atNs: 2n, key: 5, amount: 1000n, level: 50, kind: 1 }));
  writeRecords('perf', eventBytes({ atNs: 2n, key: 6, amount: 1001n, level: 1, kind: 2 }), 2);
  assert.deepEqual(
    await lines(sonde),
    [
      'test_amount_fixed_bucket{le="10"} 19',
      'test_amount_fixed_bucket{le="1000"} 20',
      'test_amount_fixed_bucket{le="+Inf"} 22',
      'test_amount_fixed_count 22',
      'test_amount_fixed_sum 3059',
      ...[
        ['2', 0, 0],
        ['3', 19, 0],
        ['4', 19, 0],
        ['+Inf', 20, 2],
      ].flatMap(([le, one, two]) => [
        `test_amount_linear_bucket{kind="1",le="${le}"} ${one}`,
        `test_amount_linear_bucket{kind="2",le="${le}"} ${two}`,
      ]),
      'test_amount_linear_count{kind="1"} 20',
      'test_amount_linear_count{kind="2"} 2',
      'test_amount_linear_sum{kind="1"} 1057',
      'test_amount_linear_sum{kind="2"} 2002',
      'test_level_sum -5',
      'test_perf{at_ns="1"} 19',
      'test_perf{at_ns="2"} 3',
      'test_perf_records_total{at_ns="0100000000000000",key="5"} 19',
      'test_perf_records_total{at_ns="0200000000000000",key="5"} 1',
      'test_perf_records_total{at_ns="0200000000000000",key="6"} 2',
    ].sort(),
  );
});

test('a record that is too short is a decode error, and its neighbours are counted', async (t) => {
  const sonde = await startRecords(t, NO_POLLS);
  const whole = eventBytes({ key: 1, amount: 1n });
  writeRecords('ring', whole, 3);
  writeRecords('ring', whole.subarray(0, 12), 5);
  writeRecords('ring', Buffer.concat([whole, Buffer.alloc(60, 0xff)]), 2);
  const samples = await sonde.scrape();
  assert.equal(total(samples, 'ebpf_exporter_test_ring_amount_total'), 5);
  assert.equal(total(samples, 'ebpf_exporter_decoder_errors_total', { config: 'records' }), 5);
  assert.equal(total(samples, 'sonde_aggregator_lost_total'), 0);
});

test('a record of a perf buffer that is too short is a decode error, and does not end the process', async (t) => {
  const sonde = await startRecords(t, NO_POLLS);
  const whole = eventBytes({ key: 1, amount: 1n, level: 1, kind: 1 });
  // At 12 bytes, some of the metrics can be read, and some cannot.
  for (const bytes of [whole, whole.subarray(0, 1), whole, whole.subarray(0, 12), whole])
    writeRecords('perf', bytes, 3);
  writeRecords('perf', Buffer.concat([whole, Buffer.alloc(60, 0xff)]), 2);
  const samples = await sonde.scrape();
  assert.equal(total(samples, 'ebpf_exporter_test_level_sum'), 11, 'the records around them, and the longer ones');
  assert.equal(total(samples, 'ebpf_exporter_decoder_errors_total', { config: 'records' }), 6);
  assert.equal(total(samples, 'sonde_aggregator_lost_total'), 0);
  assert.equal(select(await sonde.scrape(), 'ebpf_exporter_test_level_sum').length, 1, 'still serving');
});

test('an overrun ring buffer: counted or lost, each record once', async (t) => {
  const sonde = await startRecords(t, NO_POLLS);
  const WRITTEN = 20_011;
  writeRecords('ring', eventBytes({ key: 1 }), WRITTEN);
  writeRecords('ring', eventBytes({ key: 2 }), 3);
  const samples = await sonde.scrape();
  const counted = total(samples, 'ebpf_exporter_test_ring_records_total');
  const lost = total(samples, 'sonde_lost_total', { hop: 'kernel', reason: 'ring_full', config: RING.config });
  assert.ok(lost > 0, 'more than the ring holds');
  assert.equal(counted + lost, WRITTEN + 3);
});

test('an overrun perf buffer: the kernel counts what it lost, each record once', async (t) => {
  const sonde = await startRecords(t, NO_POLLS);
  const WRITTEN = 50_021;
  // On one CPU, so that the loss is told in front of the next record, and with nobody reading meanwhile.
  pinThisThread(t);
  sonde.kill('SIGSTOP');
  writeRecords('perf', eventBytes({ key: 1 }), WRITTEN);
  sonde.kill('SIGCONT');
  let written = WRITTEN;
  let samples = await sonde.scrape();
  // The kernel tells of a loss in front of the next record that it can write on that CPU.
  for (let tries = 0; tries < 100; tries++) {
    writeRecords('perf', eventBytes({ key: 2 }));
    written++;
    samples = await sonde.scrape();
    if (total(samples, 'sonde_lost_total', { hop: 'kernel', reason: 'perf_buffer_full', ...PERF }) > 0) break;
  }
  const counted = total(samples, 'ebpf_exporter_test_perf_records_total');
  const lost = total(samples, 'sonde_lost_total', { hop: 'kernel', reason: 'perf_buffer_full', ...PERF });
  assert.ok(lost > 0, 'more than the buffer holds');
  assert.equal(counted + lost, written);
  assert.equal(select(samples, 'ebpf_exporter_test_level_sum').length, 1);
});

test('a label that asks the host: the answer comes before the records that need it', async (t) => {
  const yaml = `metrics:
  counters:
    - name: test_functions_total
      help: Records by the function whose address they carry
      ringbuf: test_ring
      labels: [{name: function, member: at_ns, decoders: [{name: ksym}]}]
`;
  const folder = configFolder(t, { probe: { yaml, object: 'records' } });
  const sonde = await startSonde(t, ['--config.dir', folder, ...NO_POLLS]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
  const symbols = ['do_exit', 'tcp_connect', 'do_exit'];
  const addresses = symbols.map(addressOf);
  for (const atNs of [...addresses, 1n]) writeRecords('ring', eventBytes({ atNs }));
  assert.deepEqual(await lines(sonde), [
    'test_functions_total{function="do_exit"} 2',
    'test_functions_total{function="tcp_connect"} 1',
    'test_functions_total{function="unknown_addr:0x1"} 1',
  ]);
});

function addressOf(symbol: string): bigint {
  const line = new RegExp(`^([0-9a-f]+) [tT] ${symbol}$`, 'm').exec(readFileSync('/proc/kallsyms', 'latin1'));
  assert.ok(line, symbol);
  return BigInt(`0x${line[1]!}`);
}

/** Keeps this thread on the first CPU until the test has ended. */
function pinThisThread(t: TestContext): void {
  const pin = (cpus: string): unknown => execFileSync('taskset', ['-pc', cpus, String(process.pid)]);
  pin('0');
  t.after(() => pin(`0-${availableParallelism() - 1}`));
}
