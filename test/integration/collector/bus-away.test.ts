import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import type { Counter, Gauge } from 'prom-client';
import { MIN_SPOOL_BYTES } from '../../../collector/publish/uplink.js';
import type { Frame } from '../../../wire/frame.js';
import { obeyThisProcess } from '../../harness/bpf-fixture.js';
import {
  aggregated,
  eventsIn,
  FUNCTIONS,
  healthOf,
  startCollector,
  writeEvent,
  writeEvents,
  type CollectorFixture,
} from '../../harness/collector-fixture.js';
import { temporaryFolder } from '../../harness/disk-log.js';
import { GatedBus, inSequence } from '../../harness/gated-bus.js';
import { skipUnlessRoot } from '../../harness/privileged.js';
import { packageRoot } from '../../harness/root.js';
import { until } from '../../harness/until.js';

/** At each hop in = out + lost + waiting; returns the hops by name. */
function assertLedger(
  frames: readonly Frame[],
): Map<string, { in: number; out: number; waiting: number; lost: number }> {
  const { hops, losses } = healthOf(frames);
  return new Map(
    hops.map((hop) => {
      const own = losses.filter((loss) => loss.hop === hop.hop && loss.config === hop.config && loss.map === hop.map);
      const lost = own.reduce((sum, { count }) => sum + count, 0n);
      assert.equal(hop.in, hop.out + lost + hop.waiting, `hop ${hop.hop}`);
      const numbers = { in: Number(hop.in), out: Number(hop.out), waiting: Number(hop.waiting), lost: Number(lost) };
      return [hop.hop, numbers];
    }),
  );
}

async function valueOf(metric: Counter | Gauge): Promise<number> {
  return (await metric.get()).values.reduce((sum, { value }) => sum + value, 0);
}

/** Until nothing waits. */
async function caughtUp({ metrics }: CollectorFixture): Promise<void> {
  await until(
    async () => (await valueOf(metrics.busUp)) === 1 && (await valueOf(metrics.spoolEntries)) === 0,
    'the spool to be empty',
  );
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** The counters of records that an aggregator of these frames shows, which must have all functions' names. */
async function counted(bus: GatedBus): Promise<number> {
  const series = [...(await aggregated(bus.records))].filter(([name]) => name.startsWith('events_total'));
  assert.deepEqual(
    series.map(([name]) => /function=(\w+)/.exec(name)![1]!).sort(),
    [...FUNCTIONS].sort(),
    'each is known by name',
  );
  return series.reduce((sum, [, value]) => sum + value, 0);
}

const SPOOL = { maxBytes: MIN_SPOOL_BYTES };

test('records while the bus is away', { skip: skipUnlessRoot }, async (t) => {
  await t.test('come in order and complete when it is back, and the ledger adds up all along', async (t) => {
    const bus = new GatedBus();
    const fixture = await startCollector(t, { bus, spool: { ...SPOOL, folder: temporaryFolder(t) } });
    await writeEvents(fixture, 0, 100);
    assert.deepEqual(assertLedger(bus.frames).get('collector'), { in: 100, out: 100, waiting: 0, lost: 0 });
    bus.state = 'away';
    await writeEvents(fixture, 100, 900);
    assert.equal(eventsIn(bus.frames).length, 100);
    bus.state = 'up';
    await caughtUp(fixture);
    await writeEvents(fixture, 1000, 10);
    const { taken, missing } = inSequence(bus.frames);
    assert.deepEqual(eventsIn(taken), upTo(1010));
    assert.equal(missing, 0n);
    const hops = assertLedger(bus.frames);
    assert.deepEqual(hops.get('kernel'), { in: 1010, out: 1010, waiting: 0, lost: 0 });
    assert.deepEqual(hops.get('collector'), { in: 1010, out: 1010, waiting: 0, lost: 0 });
    assert.equal(await counted(bus), 1010);
    const { buffers } = healthOf(bus.frames);
    assert.ok(buffers[0]!.highWaterBytes >= 250n && buffers[0]!.sizeBytes === 65_536n);
  });

  await t.test('that do not fit the spool are lost oldest first, counted, and what is left is decodable', async (t) => {
    const bus = new GatedBus();
    const fixture = await startCollector(t, { bus, spool: { ...SPOOL, folder: temporaryFolder(t) } });
    bus.state = 'away';
    const count = 100_000; // 25 MB
    await writeEvents(fixture, 0, count);
    assert.ok((await valueOf(fixture.metrics.spoolBytes)) <= MIN_SPOOL_BYTES);
    bus.state = 'up';
    await caughtUp(fixture);
    await fixture.collector.refresh();
    const { taken, missing } = inSequence(bus.frames);
    const numbers = eventsIn(taken);
    const kept = numbers.filter((number) => number > 0);
    assert.deepEqual(kept, upTo(count).slice(-kept.length), 'the newest, each once');
    assert.equal(missing, BigInt(await valueOf(fixture.metrics.framesLost)));
    const { collector } = Object.fromEntries(assertLedger(bus.frames));
    assert.equal(collector!.in, count);
    assert.ok(collector!.lost > 20_000);
    assert.equal(collector!.out, numbers.length);
    assert.equal(await counted(bus), numbers.length);
  });

  await t.test('that a collector leaves in the spool are sent by the next, before its own', async (t) => {
    const bus = new GatedBus();
    const spool = { ...SPOOL, folder: temporaryFolder(t) };
    const first = await startCollector(t, { bus, spool });
    bus.state = 'away';
    await writeEvents(first, 0, 500);
    await first.collector.close();
    const second = await startCollector(t, { bus, spool });
    await writeEvents(second, 1000, 50);
    assert.deepEqual(eventsIn(bus.frames), []);
    bus.state = 'up';
    await caughtUp(second);
    await until(() => bus.frames.at(-1)?.body.case === 'health', 'the keyframe that was due');
    await second.collector.refresh();
    const { taken, missing } = inSequence(bus.frames);
    assert.deepEqual(eventsIn(taken), [...upTo(500), ...upTo(50).map((i) => 1000 + i)]);
    assert.equal(missing, 0n);
    const hops = assertLedger(bus.frames);
    assert.deepEqual(hops.get('spool'), { in: 500, out: 500, waiting: 0, lost: 0 });
    assert.deepEqual(hops.get('collector'), { in: 50, out: 50, waiting: 0, lost: 0 });
    assert.equal(await counted(bus), 550);
  });

  await t.test('survive a collector that is killed', async (t) => {
    const bus = new GatedBus();
    const spool = { ...SPOOL, folder: temporaryFolder(t) };
    await drainAndDie(t, spool.folder, 300);
    const next = await startCollector(t, { bus, spool });
    await caughtUp(next);
    await next.collector.refresh();
    const { taken, missing } = inSequence(bus.frames);
    assert.deepEqual(eventsIn(taken), upTo(300));
    assert.equal(missing, 0n);
    assert.deepEqual(assertLedger(bus.frames).get('spool'), { in: 300, out: 300, waiting: 0, lost: 0 });
    assert.equal(await counted(bus), 300);
  });

  await t.test('stay in memory without a spool, and come when it is back', async (t) => {
    const bus = new GatedBus();
    const fixture = await startCollector(t, { bus });
    bus.state = 'away';
    await writeEvents(fixture, 0, 300);
    bus.state = 'up';
    await until(() => eventsIn(bus.frames).length >= 300, 'the records');
    await fixture.collector.refresh();
    assert.deepEqual(eventsIn(bus.frames), upTo(300));
    assertLedger(bus.frames);
  });
});

test('a bus that is away at the start does not hold a collector up', { skip: skipUnlessRoot }, async (t) => {
  const bus = new GatedBus();
  bus.state = 'away';
  const fixture = await startCollector(t, { bus, spool: { ...SPOOL, folder: temporaryFolder(t) } });
  await writeEvents(fixture, 0, 10);
  bus.state = 'up';
  await until(async () => (await valueOf(fixture.metrics.keyframes)) === 1, 'the keyframe that was due');
  assert.deepEqual(
    bus.frames.map(({ body }) => body.case).filter((kind) => kind !== 'manifest'),
    ['lookup', 'records', 'health'],
  );
  assert.equal(bus.frames[0]!.body.case, 'manifest');
});

test('two collectors cannot share a spool', { skip: skipUnlessRoot }, async (t) => {
  const spool = { ...SPOOL, folder: temporaryFolder(t) };
  await startCollector(t, { bus: new GatedBus(), spool });
  await assert.rejects(startCollector(t, { bus: new GatedBus(), spool }), {
    code: 'FILE',
    message: /spool: .* process \d+ uses this folder: stop it/,
  });
});

/** A collector in a process of its own, with a bus that is away; killed once it has drained so many records. */
async function drainAndDie(t: TestContext, folder: string, count: number): Promise<void> {
  const script = join(packageRoot(), 'dist/test/integration/collector/spooling-child.js');
  const child = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ended = once(child, 'exit');
  obeyThisProcess(Number((await lines.next()).value));
  for (let i = 0; i < count; i++) {
    writeEvent(i);
    if (i % 100 < 99) continue;
    child.stdin.write('drain\n');
    await lines.next();
  }
  child.kill('SIGKILL');
  await ended;
}
