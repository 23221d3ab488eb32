import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { command, obeyThisProcess } from '../harness/bpf-fixture.js';
import { select, total, type Sample } from '../harness/kernel-metrics.js';
import { eventBytes, writeRecords } from '../harness/record-command.js';
import { configFolder, startSonde, type Sonde } from '../harness/sonde.js';
import { until } from '../harness/until.js';

function ownProgram(samples: readonly Sample[]): number {
  return Number(select(samples, 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']);
}

test('flush_interval: a silent series ends, a live one stays, and the total never falls', async (t) => {
  const METRIC = 'ebpf_exporter_test_perf';
  const yaml = `metrics:
  counters:
    - name: test_perf
      help: Records of the perf buffer
      perf_event_array: true
      flush_interval: 2s
      labels:
        - {name: at_ns, size: 8, decoders: [{name: uint}]}
        - {name: key, size: 4, decoders: [{name: uint}]}
`;
  const folder = configFolder(t, { probe: { yaml, object: 'records' } });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  obeyThisProcess(ownProgram(await sonde.scrape()));
  let written = 0;
  const write = (key: number, times: number): void => {
    writeRecords('perf', eventBytes({ key }), times);
    written += times;
  };
  /** Values by key; no scrape may have another total than what was written. */
  const values = async (): Promise<Record<string, number>> => {
    const samples = select(await sonde.scrape(), METRIC);
    assert.equal(total(samples, METRIC), written, 'the total');
    return Object.fromEntries(samples.map(({ labels, value }) => [labels['key']!, value] as const));
  };
  write(1, 23);
  write(2, 5);
  assert.deepEqual(await values(), { 1: 23, 2: 5 });
  let live = 5;
  const ended = async (key: string): Promise<boolean> => {
    write(2, 1);
    live++;
    const now = await values();
    assert.equal(now['2'], live, 'the series with events stays');
    return now[key] === undefined;
  };
  await until(() => ended('1'), 'the silent series to end');
  assert.deepEqual(await values(), { 2: live, other: 23 });
  // Back again: it begins anew, and what it had counted stays where it is.
  write(1, 4);
  assert.deepEqual(await values(), { 1: 4, 2: live, other: 23 });
});

test('ever new keys in an LRU map of 1,000 rows: with a ttl, memory and scrapes stay bounded, and the sum is exact', async (t) => {
  const METRIC = 'ebpf_exporter_test_lru_total';
  const [SCRAPES, KEYS_A_SCRAPE] = [400, 500];
  /** No faster, or most keys come within one ttl. */
  const MS_A_SCRAPE = 50;
  const yaml = `metrics:
  counters:
    - name: test_lru_total
      help: Rows of an LRU hash
      labels: [{name: key, size: 4, decoders: [{name: uint}]}]
      limits: {ttl: 1s}
`;
  const folder = configFolder(t, { probe: { yaml, object: 'commands' } });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  obeyThisProcess(ownProgram(await sonde.scrape()));
  const memory: number[] = [];
  let [most, last] = [0, 0];
  const startMs = performance.now();
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    await sleep(startMs + scrape * MS_A_SCRAPE - performance.now());
    for (let i = 0; i < KEYS_A_SCRAPE; i++) command('lru', scrape * KEYS_A_SCRAPE + i, 1);
    const rows = select(await sonde.scrape(), METRIC);
    const sum = total(rows, METRIC);
    assert.ok(sum >= last && sum <= (scrape + 1) * KEYS_A_SCRAPE, `scrape ${scrape}: ${sum} after ${last}`);
    [most, last] = [Math.max(most, rows.length), sum];
    memory.push(residentMiB(sonde));
  }
  const [warm, end] = [Math.max(...memory.slice(0, SCRAPES / 4)), Math.max(...memory.slice((SCRAPES * 3) / 4))];
  t.diagnostic(`${SCRAPES * KEYS_A_SCRAPE} keys: ${warm} MiB, then ${end} MiB; at most ${most} series`);
  assert.ok(most < (SCRAPES * KEYS_A_SCRAPE) / 4, `${most} series at once`);
  assert.ok(end < warm + 30, `from ${warm} to ${end} MiB`);
});

function residentMiB(sonde: Sonde): number {
  return Math.round(
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${sonde.pid}/status`, 'latin1'))![1]) / 1024,
  );
}
