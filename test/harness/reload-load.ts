import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { bpftool, command, obeyThisProcess } from './bpf-fixture.js';
import { compileFixture } from './compile-bpf.js';
import { select, total, type Sample } from './kernel-metrics.js';
import { eventBytes, writeRecords } from './record-command.js';
import { configFolder, startSonde, type Sonde } from './sonde.js';
import { until } from './until.js';

/** The round after which what is held is compared with the end: as in each odd one, the probe that comes and goes is there. */
const WARM_UP = 7;
/** More than a heap breathes; what one leaked object and its maps take, times the rounds, is far more. */
const MAX_GROWTH_KIB = 48 * 1024;

function rows(metric: string, help: string): string {
  return `metrics: {counters: [{name: ${metric}, help: ${help}, map: test_rows_total, labels: [{name: key, size: 4, decoders: [{name: uint}]}]}]}\n`;
}

function records(metric: string, help: string): string {
  return `metrics: {counters: [{name: ${metric}, help: ${help}, ringbuf: test_ring}]}\n`;
}

/** What this process has made the programs count. */
interface Truth {
  rows: number;
  records: number;
}

/**
 * Reloads `sonde run` again and again while rows and records are written and it is scraped: of four probes two change, one comes
 * and goes, now and then a config is wrong. What does not change is exact, nothing falls, nothing is counted twice, nothing leaks.
 */
export async function reloadUnderLoad(t: TestContext, rounds: number): Promise<void> {
  const folder = configFolder(t, {
    steady: { yaml: rows('steady_total', 'Rows'), object: 'commands' },
    'steady-ring': { yaml: records('steady_records_total', 'Records'), object: 'records' },
    changing: { yaml: rows('changing_total', 'Rows'), object: 'commands' },
    'changing-ring': { yaml: records('changing_records_total', 'Records'), object: 'records' },
  });
  const sonde = await startSonde(t, ['--config.dir', folder, '--web.enable-lifecycle', '--poll-interval', '0.2']);
  const ended = new Set<number>();
  let live = await obey(sonde, new Map(), ended);
  const truth: Truth = { rows: 0, records: 0 };
  const stop = new AbortController();
  const load = [writeUntil(stop.signal, truth), scrapeUntil(stop.signal, sonde)];
  try {
    let before: Held | undefined;
    for (let round = 1; round <= rounds; round++) {
      await change(sonde, folder, round);
      live = await obey(sonde, live, ended);
      if (round === WARM_UP) before = held(sonde.pid);
    }
    if (rounds % 2 === 0) await change(sonde, folder, rounds + 1);
    await assertNothingLeaked(sonde, before!, ended);
  } finally {
    stop.abort();
    await Promise.all(load);
  }
  const last = await sonde.scrape();
  assert.equal(total(last, 'ebpf_exporter_steady_total'), truth.rows, 'rows of a probe that was not touched');
  assert.equal(total(last, 'ebpf_exporter_steady_records_total'), truth.records, 'records of one that was not');
  for (const [metric, most] of [
    ['changing_total', truth.rows],
    ['changing_records_total', truth.records],
  ] as const) {
    const counted = total(last, `ebpf_exporter_${metric}`);
    assert.ok(counted > 0 && counted <= most, `${metric} is ${counted}, of ${most}`);
  }
}

/** One reload: every fourth is of a wrong config, and changes nothing. */
async function change(sonde: Sonde, folder: string, round: number): Promise<void> {
  const extra = join(folder, 'extra');
  if (round % 4 === 0) {
    writeFileSync(join(folder, 'broken.yaml'), 'metrics: {counters: [{name: broken_total, hlep: Wrong}]}\n');
    const refused = await fetch(`${sonde.url}/-/reload`, { method: 'POST' });
    assert.equal(refused.status, 500);
    rmSync(join(folder, 'broken.yaml'));
  }
  writeFileSync(join(folder, 'changing.yaml'), rows('changing_total', `Rows of round ${round}`));
  writeFileSync(join(folder, 'changing-ring.yaml'), records('changing_records_total', `Records of round ${round}`));
  if (round % 2 === 1) {
    copyFileSync(compileFixture('commands', 'bpf'), `${extra}.bpf.o`);
    writeFileSync(`${extra}.yaml`, rows('extra_total', 'Rows'));
  } else {
    for (const end of ['.yaml', '.bpf.o']) rmSync(extra + end);
  }
  const response = await fetch(`${sonde.url}/-/reload`, { method: 'POST' });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(text, /2 changed \(changing-ring, changing\).*, 2 unchanged/);
}

/** Has new programs obey this process. Returns the program of each config; those that are gone are added to `ended`. */
async function obey(
  sonde: Sonde,
  before: ReadonlyMap<string, number>,
  ended: Set<number>,
): Promise<Map<string, number>> {
  const infos = select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info');
  const live = new Map(infos.map(({ labels }) => [labels['config']!, Number(labels['id'])]));
  for (const [config, id] of live) if (before.get(config) !== id) obeyThisProcess(id);
  for (const [config, id] of before) if (live.get(config) !== id) ended.add(id);
  return live;
}

async function writeUntil(signal: AbortSignal, truth: Truth): Promise<void> {
  const record = eventBytes({ key: 1 });
  while (!signal.aborted) {
    for (let i = 0; i < 50; i++) {
      command('hash', i, 1);
      truth.rows++;
    }
    writeRecords('ring', record, 5);
    truth.records += 5;
    // Leaves the machine to what is tested.
    await sleep(1);
    await turn();
  }
}

/** Compares each counter with the scrape before. */
async function scrapeUntil(signal: AbortSignal, sonde: Sonde): Promise<void> {
  let last = new Map<string, number>();
  while (!signal.aborted) {
    const samples = await sonde.scrape();
    const now = new Map(samples.filter(isCounter).map((sample) => [keyOf(sample), sample.value]));
    for (const [key, value] of now) {
      const before = last.get(key) ?? 0;
      assert.ok(value >= before, `${key} fell from ${before} to ${value}`);
    }
    last = now;
    await sleep(20);
  }
}

function isCounter({ name }: Sample): boolean {
  return name.endsWith('_total');
}

function keyOf({ name, labels }: Sample): string {
  return `${name} ${JSON.stringify(labels)}`;
}

/** What a process holds. */
interface Held {
  readonly files: number;
  readonly programs: number;
  readonly maps: number;
  readonly memoryKib: number;
}

function held(pid: number): Held {
  const folder = `/proc/${pid}/fdinfo`;
  const infos = readdirSync(folder).map((fd) => {
    try {
      return readFileSync(join(folder, fd), 'latin1');
    } catch {
      return ''; // closed since
    }
  });
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    files: infos.length,
    programs: infos.filter((info) => info.includes('prog_id:')).length,
    maps: infos.filter((info) => info.includes('map_id:')).length,
    memoryKib: Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]),
  };
}

async function assertNothingLeaked(sonde: Sonde, before: Held, ended: ReadonlySet<number>): Promise<void> {
  const now = (): Held => held(sonde.pid);
  // A connection more or less is the scraper's.
  await until(() => Math.abs(now().files - before.files) <= 4, `${now().files} files to become ${before.files}`);
  const { programs, maps, memoryKib } = now();
  assert.deepEqual({ programs, maps }, { programs: before.programs, maps: before.maps });
  assert.ok(memoryKib < before.memoryKib + MAX_GROWTH_KIB, `${memoryKib} KiB, ${before.memoryKib} at first`);
  assert.ok(ended.size > 0);
  const loaded = (): number[] => (bpftool('prog', 'show') as { id: number }[]).map(({ id }) => id);
  await until(() => !loaded().some((id) => ended.has(id)), 'programs of probes that are gone to be freed');
}
