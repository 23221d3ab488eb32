import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testFolder } from '../../services/folders.js';
import { startKafka } from '../../services/kafka.js';
import { command, fixtureYaml, obeyThisProcess, programsOf } from '../bpf-fixture.js';
import { parseMetrics, total, type Sample } from '../kernel-metrics.js';
import { eventBytes, writeRecords } from '../record-command.js';
import { configFolder, runSonde, startSonde, type Sonde } from '../sonde.js';
import { until } from '../until.js';
import { ledgerFaults } from './ledger.js';
import { AggregatorProcess } from './processes.js';

export interface BrokerAwayOptions {
  /** How often the broker goes and comes back. */
  readonly rounds: number;
  /** For how long. Records must come faster than the spool can keep them. */
  readonly awayMs: number;
  readonly recordsPerSecond: number;
}

/** The smallest that can be set: 16 MiB. */
const SPOOL = ['--spool.max-bytes', '16MiB'];
const RECORD_BYTES = 250;
const RECORDS = 'ebpf_exporter_test_ring_records_total';
const TICK_MS = 10;
/** Fits the ring buffer at once. */
const BURST = 100;
/** Records at the end of each round, which are far less than the spool keeps. */
const NEWEST = 5000;
/** What one send has at most: of a send that the broker's death cut off nobody knows whether it arrived. */
const SEND_RECORDS = Math.ceil((900 * 1024) / RECORD_BYTES);

/**
 * The real broker is killed and stays away for longer than the spool lasts, while `sonde collect` drains a ring buffer and reads a map.
 * What the map counted is complete; of the records the newest are, and each is served or counted as lost.
 */
export async function showBrokerAway(t: TestContext, options: BrokerAwayOptions): Promise<void> {
  const kafka = await startKafka(t);
  const brokers = ['--kafka.brokers', kafka.brokers.join(',')];
  assert.equal((await runSonde(['topics', 'create', ...brokers, '--partitions', '1'])).status, 0);
  const aggregator = await AggregatorProcess.serving(t, brokers);
  const collector = await startSonde(t, [...brokers, ...SPOOL, ...fixtures(t)], 'collect');
  for (const id of programsOf(collector.pid)) obeyThisProcess(id);

  let written = 0;
  const write = async (key: number, count: number): Promise<void> => {
    await writeAtRate(key, count, options.recordsPerSecond);
    written += count;
  };
  const count = Math.round((options.awayMs / 1000) * options.recordsPerSecond);
  for (let round = 1; round <= options.rounds; round++) {
    await write(0, options.recordsPerSecond);
    const lostBefore = await framesLost(collector);
    await kafka.kill();
    command('hash', 7, round);
    await write(0, count);
    await write(round, NEWEST);
    const lost = (await framesLost(collector)) - lostBefore;
    assert.ok(lost > 0, 'the spool must overflow, or nothing is shown');
    await kafka.restart();
    await write(0, options.recordsPerSecond);
    await until(() => hasCaughtUp(collector), 'the collector to have caught up');
    t.diagnostic(`round ${round}: away for ${options.awayMs / 1000} s, ${count} records, ${lost} frames lost`);
  }
  assert.equal(await collector.stop(), 0, collector.stderr());

  const { text, samples } = await settled(aggregator, written);
  const served = total(samples, RECORDS);
  const lost = total(samples, 'sonde_lost_total');
  const words = `${written} records: ${served} served, ${lost} counted as lost, ${served + lost - written} of them both`;
  t.diagnostic(words);
  assert.deepEqual(ledgerFaults(text), []);
  assert.equal(total(samples, 'sonde_ledger_in_total', { hop: 'kernel' }), written);
  assert.ok(served < written && served + lost >= written, words);
  assert.ok(served + lost - written <= options.rounds * SEND_RECORDS, words);
  const refused = total(samples, 'sonde_lost_total', { hop: 'kernel' });
  for (let round = 1; round <= options.rounds; round++) {
    const newest = total(samples, RECORDS, { key: String(round) });
    assert.ok(newest >= NEWEST - refused, `${newest} of the newest ${NEWEST}, ${refused} refused by the kernel`);
  }
  const rows = (options.rounds * (options.rounds + 1)) / 2;
  assert.equal(total(samples, 'ebpf_exporter_test_rows_total', { key: '7' }), rows, 'what a map counts is not lost');
}

function fixtures(t: TestContext): string[] {
  const folder = configFolder(t, {
    commands: { yaml: fixtureYaml('commands'), object: 'commands' },
    records: { yaml: fixtureYaml('records'), object: 'records' },
  });
  return ['--config.dir', folder, '--poll-interval', '1', '--spool.dir', testFolder(t, 'spool')];
}

async function writeAtRate(key: number, count: number, perSecond: number): Promise<void> {
  const record = new Uint8Array(RECORD_BYTES);
  record.set(eventBytes({ key }));
  const startMs = performance.now();
  for (let done = 0; done < count;) {
    const due = Math.min(count, Math.ceil(((performance.now() - startMs) / 1000) * perSecond));
    for (; done < due; done += Math.min(BURST, due - done)) writeRecords('ring', record, Math.min(BURST, due - done));
    await sleep(TICK_MS);
  }
}

async function framesLost(collector: Sonde): Promise<number> {
  return total(await collector.scrape(), 'sonde_frames_lost_total', { reason: 'spool_full' });
}

async function hasCaughtUp(collector: Sonde): Promise<boolean> {
  const samples = await collector.scrape();
  return total(samples, 'sonde_bus_up') === 1 && total(samples, 'sonde_spool_frames') === 0;
}

/** A scrape of the aggregator, once each record is served or counted as lost. */
async function settled(aggregator: AggregatorProcess, written: number): Promise<{ text: string; samples: Sample[] }> {
  let text = '';
  let samples: Sample[] = [];
  const isSettled = async (): Promise<boolean> => {
    text = await (await fetch(`${aggregator.url}/metrics`)).text();
    samples = parseMetrics(text);
    const known = total(samples, RECORDS) + total(samples, 'sonde_lost_total');
    return known >= written && total(samples, 'sonde_ledger_waiting') === 0;
  };
  await until(isSettled, 'the aggregator to have it all').catch((error: unknown) =>
    assert.fail(`${String(error)}\n${text.replaceAll(/^(?!sonde_).*\n/gm, '')}\n${aggregator.output}`),
  );
  return { text, samples };
}
