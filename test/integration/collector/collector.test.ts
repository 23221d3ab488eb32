import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Counter, Gauge } from 'prom-client';
import type { Collector } from '../../../collector/collector.js';
import type { CollectorMetrics } from '../../../collector/metrics.js';
import type { BusRecord, Publisher } from '../../../wire/bus.js';
import { decodeFrame, unpackU32, type Frame } from '../../../wire/frame.js';
import { command, fixtureYaml, isLoaded, obeyThisProcess, programsOf } from '../../harness/bpf-fixture.js';
import { makeCollector } from '../../harness/collector-fixture.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

/** Keeps what is published; refuses it while `refuses` says so. */
class RecordingBus implements Publisher {
  readonly frames: Frame[] = [];
  refuses: (frame: Frame) => boolean = () => false;

  publish(records: readonly BusRecord[]): Promise<void> {
    const frames = records.map(({ value }) => decodeFrame(value.slice()));
    if (frames.some((frame) => this.refuses(frame))) return Promise.reject(new Error('the bus is away'));
    this.frames.push(...frames);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Bodies published since the last call, by kind. */
  take(): string[] {
    return this.frames.splice(0).map(({ body }) => body.case ?? 'none');
  }
}

interface Row {
  readonly key: number;
  readonly value: bigint;
  readonly slot: number;
  readonly generation: number;
  readonly vanished: boolean;
}

function rowsIn(frames: readonly Frame[]): Row[] {
  return frames.flatMap(({ body }) => {
    if (body.case !== 'mapRows') return [];
    const { slots, generations, keys, values, vanished } = body.value;
    const numbers = unpackU32(generations);
    const [keyWords, valueWords] = [unpackU32(keys), new BigUint64Array(values.slice().buffer)];
    return [...unpackU32(slots)].map((slot, i) => ({
      key: keyWords[i]!,
      value: valueWords[i]!,
      slot,
      generation: numbers[i]!,
      vanished: vanished[i] === 1,
    }));
  });
}

interface Fixture {
  readonly bus: RecordingBus;
  readonly collector: Collector;
  readonly metrics: CollectorMetrics;
}

const ROWS =
  'metrics:\n  counters:\n    - name: test_rows_total\n      help: Rows\n      labels: [{name: key, size: 4, decoders: [{name: uint}]}]\n';

async function create(t: TestContext, configs: Readonly<Record<string, string>>): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-collector-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, yaml] of Object.entries(configs)) {
    writeFileSync(join(folder, `${name}.yaml`), yaml);
    copyFileSync(compileFixture('commands', 'bpf'), join(folder, `${name}.bpf.o`));
  }
  const bus = new RecordingBus();
  return { bus, ...(await makeCollector(t, folder, { bus })) };
}

async function start(t: TestContext): Promise<Fixture> {
  const fixture = await create(t, { commands: ROWS });
  await fixture.collector.start();
  obeyThisProcess(programId(fixture.collector));
  return fixture;
}

function programId(collector: Collector): number {
  return collector.probes[0]!.programs[0]!.id;
}

async function valueOf(counter: Counter | Gauge): Promise<number> {
  return (await counter.get()).values.reduce((sum, { value }) => sum + value, 0);
}

test('a collector on a real kernel', { skip: skipUnlessRoot }, async (t) => {
  await t.test('says what it is, then what it reads; then only what changed', async (t) => {
    const { bus, collector } = await start(t);
    assert.deepEqual(bus.take(), ['manifest', 'health']);
    command('hash', 1, 10);
    command('hash', 2, 20);
    await collector.refresh();
    assert.deepEqual(
      rowsIn(bus.frames)
        .map(({ key, value }) => [key, value])
        .sort(),
      [
        [1, 10n],
        [2, 20n],
      ],
    );
    bus.take();
    command('hash', 2, 3);
    await collector.refresh();
    assert.deepEqual(
      rowsIn(bus.frames).map(({ key, value }) => [key, value]),
      [[2, 23n]],
    );
    bus.take();
    await collector.refresh();
    assert.deepEqual(bus.take(), ['health'], 'nothing has changed');
  });

  await t.test('numbers its frames in two sequences without a gap, under one session', async (t) => {
    const { bus, collector } = await start(t);
    for (let key = 0; key < 3; key++) {
      command('hash', key, 1);
      await collector.refresh();
    }
    const { frames } = bus;
    assert.equal(new Set(frames.map(({ session }) => Buffer.from(session).toString('hex'))).size, 1);
    const state = frames.filter(({ stateSeq }) => stateSeq > 0n).map(({ stateSeq }) => stateSeq);
    assert.deepEqual(
      state,
      state.map((_, i) => BigInt(i + 1)),
    );
    assert.deepEqual(
      frames.filter(({ recordsSeq }) => recordsSeq > 0n).map(({ recordsSeq }) => recordsSeq),
      [1n],
    );
    const times = frames.map(({ anchor }) => anchor!.monotonicNs);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => (a < b ? -1 : 1)),
      'the clock of a frame is not before the last one',
    );
  });

  await t.test('sends again what the bus did not take, and what vanished meanwhile', async (t) => {
    const { bus, collector, metrics } = await start(t);
    command('hash', 1, 10);
    command('hash', 2, 20);
    bus.refuses = ({ body }) => body.case === 'mapRows';
    await collector.refresh();
    assert.deepEqual(rowsIn(bus.frames), []);
    assert.equal(await valueOf(metrics.pollErrors), 1);

    command('delete', 1, 0);
    command('hash', 2, 1);
    await collector.refresh();
    bus.refuses = () => false;
    while ((await valueOf(metrics.busUp)) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await collector.refresh();
    assert.deepEqual(
      rowsIn(bus.frames)
        .map(({ key, value, vanished }) => [key, value, vanished])
        .sort(),
      [
        [1, 10n, true],
        [2, 21n, false],
      ],
    );
    assert.equal(await valueOf(metrics.pollErrors), 2);
    bus.take();
    await collector.refresh();
    assert.deepEqual(rowsIn(bus.frames), []);
  });

  await t.test('gives a row that came back a number or generation of its own', async (t) => {
    const { bus, collector } = await start(t);
    const seen: Row[] = [];
    for (const n of [10, 3, 2]) {
      command('delete', 1, 0);
      command('hash', 1, n);
      await collector.refresh();
      seen.push(...rowsIn(bus.frames.splice(0)).filter(({ vanished }) => !vanished));
    }
    assert.deepEqual(
      seen.map(({ value }) => value),
      [10n, 3n, 2n],
    );
    assert.equal(new Set(seen.map(({ slot, generation }) => `${slot}/${generation}`)).size, 3);
  });

  await t.test('shares a read among all who ask while one is under way', async (t) => {
    const { collector, metrics } = await start(t);
    const before = await valueOf(metrics.polls);
    await Promise.all(Array.from({ length: 50 }, () => collector.refresh()));
    assert.equal((await valueOf(metrics.polls)) - before, 1);
    const first = collector.refresh();
    await new Promise(setImmediate); // it reads now: who comes later may have counted since
    await new Promise(setImmediate);
    command('hash', 9, 1);
    await Promise.all([first, ...Array.from({ length: 20 }, () => collector.refresh())]);
    assert.ok((await valueOf(metrics.polls)) - before <= 3);
  });

  await t.test('reads a last time when it is closed, and leaves nothing in the kernel', async (t) => {
    const { bus, collector } = await start(t);
    const id = programId(collector);
    command('hash', 5, 55);
    bus.take();
    await Promise.all([collector.close(), collector.close()]);
    assert.deepEqual(
      rowsIn(bus.frames).map(({ key, value }) => [key, value]),
      [[5, 55n]],
    );
    assert.ok(!programsOf(process.pid).includes(id));
    for (let tries = 0; isLoaded(id); tries++) {
      assert.ok(tries < 50, `program ${id} is still loaded`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    bus.take();
    await collector.refresh();
    assert.deepEqual(bus.take(), [], 'closed is closed');
  });

  await t.test('closes what it has loaded when a later config is wrong', async (t) => {
    const before = programsOf(process.pid);
    const { collector } = await create(t, {
      a: fixtureYaml('commands'),
      b: ROWS.replace('test_rows_total', 'not_there'),
    });
    await assert.rejects(collector.start(), /no map not_there in the object/);
    assert.deepEqual(programsOf(process.pid), before);
  });
});
