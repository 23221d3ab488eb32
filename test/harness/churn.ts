import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { fixtureYaml, obeyThisProcess } from './bpf-fixture.js';
import type { ChurnWorkerData } from './churn-worker.js';
import { select } from './kernel-metrics.js';
import { configFolder, startSonde } from './sonde.js';
import { until } from './until.js';

/** `churn.bpf.c` has it so. */
const STEADY_ROWS = 80_000;
const STEADY_A_BURST = 128;
const NEW_A_BURST = 64;
const FLEETING_ROWS = 16_384;
const LRU_ROWS = 1000;
const KEYS_A_BURST = STEADY_A_BURST + 3 * NEW_A_BURST;
const METRIC = 'ebpf_exporter_test_churn_total';
const LRU_METRIC = 'ebpf_exporter_test_lru_churn_total';

const KEYS_A_SECOND = 100_000;

/**
 * Scrapes a map of 100,000 rows that changes all the time: no row that lives throughout may be missing or lower than what was counted
 * before the scrape, and none higher than what was counted by its end; none may fall.
 */
export async function scrapeWhileItChanges(t: TestContext, scrapes: number): Promise<void> {
  const folder = configFolder(t, { churn: { yaml: fixtureYaml('churn'), object: 'churn' } });
  const sonde = await startSonde(t, ['--config.dir', folder]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]!.labels['id']));
  const bursts = startChurn(t);
  await until(() => bursts() * STEADY_A_BURST >= STEADY_ROWS, 'all rows to be there');

  const before = { bursts: bursts(), ms: performance.now() };
  const rows = new Uint32Array(STEADY_ROWS + FLEETING_ROWS);
  const lruRows = new Uint32Array(LRU_ROWS);
  for (let i = 0; i < scrapes; i++) {
    const least = bursts();
    const text = await (await fetch(`${sonde.url}/metrics`)).text();
    // One may be under way.
    const most = bursts() + 1;
    const seen = readRows(text, METRIC, rows);
    for (let row = 0; row < STEADY_ROWS; row++) {
      assert.equal(seen[row], 1, `scrape ${i}: row ${row} is missing`);
      const [low, high] = [steady(row, least), steady(row, most)];
      assert.ok(
        rows[row]! >= low && rows[row]! <= high,
        `scrape ${i}: row ${row} is ${rows[row]}, not ${low} to ${high}`,
      );
    }
    for (let n = 0; n < FLEETING_ROWS; n++) {
      const high = timesNew(n, FLEETING_ROWS, most);
      assert.ok(
        rows[STEADY_ROWS + n]! <= high,
        `scrape ${i}: ${rows[STEADY_ROWS + n]} of the new row ${n}, above ${high}`,
      );
    }
    readRows(text, LRU_METRIC, lruRows);
    for (let n = 0; n < LRU_ROWS; n++) {
      const high = timesNew(n, LRU_ROWS, most);
      assert.ok(lruRows[n]! <= high, `scrape ${i}: ${lruRows[n]} of the LRU row ${n}, above ${high}`);
    }
  }
  const keys = (bursts() - before.bursts) * KEYS_A_BURST;
  t.diagnostic(`${scrapes} scrapes, ${Math.round(keys / (performance.now() - before.ms))} thousand keys a second`);
  const lost = select(await sonde.scrape(), 'sonde_lost_total', { reason: 'map_full' });
  assert.ok(lost.every(({ value }) => value === 0), 'the map has room for all'); // prettier-ignore
}

/** Returns how many bursts there have been. */
function startChurn(t: TestContext): () => number {
  const shared = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(4));
  const [bursts, stop] = [shared(), shared()];
  const workerData: ChurnWorkerData = { bursts, stop, burstsASecond: KEYS_A_SECOND / KEYS_A_BURST };
  const worker = new Worker(new URL('./churn-worker.js', import.meta.url), { workerData });
  const ended = once(worker, 'exit');
  t.after(async () => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    await ended;
  });
  return () => Atomics.load(bursts, 0);
}

/** What a row that stays has been given in so many bursts. */
function steady(row: number, bursts: number): number {
  const added = bursts * STEADY_A_BURST;
  return Math.floor(added / STEADY_ROWS) + (row < added % STEADY_ROWS ? 1 : 0);
}

/** How often a row of this number modulo `rows` was new in so many bursts. */
function timesNew(row: number, rows: number, bursts: number): number {
  const made = bursts * NEW_A_BURST;
  return Math.floor(made / rows) + (row < made % rows ? 1 : 0);
}

/** Puts the values of a metric's rows into `rows`, none of which may be lower than before. Returns how often each was there. */
function readRows(text: string, metric: string, rows: Uint32Array): Uint8Array {
  const seen = new Uint8Array(rows.length);
  const start = `${metric}{row="`;
  for (let at = text.indexOf(start); at >= 0; at = text.indexOf(start, at)) {
    const row = parseInt(text.slice(at + start.length, at + start.length + 8), 10);
    const end = text.indexOf('\n', at);
    const value = Number(text.slice(text.indexOf(' ', at), end));
    assert.ok(value >= rows[row]!, `${metric}: row ${row} fell from ${rows[row]} to ${value}`);
    rows[row] = value;
    seen[row]!++;
    at = end;
  }
  return seen;
}
