import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition } from '../../../../aggregator/partition.js';
import type { ConsumedRecord } from '../../../../wire/bus.js';
import { SondeError } from '../../../../wire/errors.js';
import { exposed } from '../../../harness/exposed.js';
import { FrameSource } from '../../../harness/frames.js';
import { KeptSections } from '../../../harness/kept-sections.js';
import { forSeeds } from '../../../harness/seed.js';
import { randomInteger } from '../../../../lib/random.js';
import { randomTraffic } from '../../../harness/traffic.js';

const OPTIONS = { metricPrefix: '', maxSeriesPerMetric: 40, onProblem: () => undefined };

/** As the aggregator does: what is at fault is left out. */
function apply(partition: Partition, record: ConsumedRecord): void {
  try {
    partition.apply(record);
  } catch (error) {
    if (!(error instanceof SondeError)) throw error;
  }
}

test('a partition that is stored and restored at any point goes on as if nothing had happened', () =>
  forSeeds(1, async (random) => {
    const uninterrupted = new Partition(0, OPTIONS);
    const kept = new KeptSections();
    let partition = new Partition(0, OPTIONS);
    let since: ConsumedRecord[] = [];
    let restarts = 0;
    let count = 0;
    for (const record of randomTraffic(random)) {
      if (++count > 5000) break;
      apply(uninterrupted, record);
      apply(partition, record);
      since.push(record);
      if (random() < 0.02) {
        await kept.keep(partition);
        since = [];
      }
      if (random() < 0.01) {
        // What came after the last write comes again from the log.
        partition = await kept.restored(OPTIONS);
        since = since.filter(({ offset }) => offset >= kept.offset);
        for (const again of since) apply(partition, again);
        restarts++;
        assert.equal(partition.next, uninterrupted.next);
      }
      if (count % 500 === 0)
        assert.equal(await exposed(partition.hosts.values()), await exposed(uninterrupted.hosts.values()));
    }
    assert.ok(restarts > 10);
    const text = await exposed(uninterrupted.hosts.values());
    assert.match(text, /rows_total\{instance="test~host-3",key="other"\} \d+/, 'the overflow series took part');
  }));

test('only what has changed is written', async () => {
  const partition = new Partition(0, OPTIONS);
  const kept = new KeptSections();
  const [one, other] = [new FrameSource(1, 'one'), new FrameSource(1, 'other')];
  let offset = 0n;
  const send = (key: string, value: Uint8Array): unknown =>
    partition.apply({ key, value, offset: offset++, timestampMs: 0 });
  const rows = Array.from({ length: 30 }, (_, i) => [i, 1, i, 1n] as const);
  send('one', one.manifest());
  send('other', other.manifest());
  send('one', one.rows(rows));
  send('other', other.rows(rows));
  await kept.keep(partition);
  const all = [...kept.sections.keys()];
  assert.ok(all.some((name) => name.startsWith('one/')) && all.some((name) => name.startsWith('other/')));

  send('one', one.rows([[0, 1, 0, 2n]]));
  const { put, remove } = await partition.change();
  assert.deepEqual(
    [...put.keys()].sort(),
    ['one/family-0-cells/0', 'one/map-0/0', 'one/meta'],
    'neither the other host nor texts, manifest and facts',
  );
  assert.deepEqual(remove, []);
  partition.stored();
  assert.equal((await partition.change()).put.size, 0);
});

test('a write of which nobody knows whether it happened is made again, and takes back what is gone', async () => {
  const partition = new Partition(0, OPTIONS);
  const source = new FrameSource(1);
  let offset = 0n;
  const send = (value: Uint8Array): unknown =>
    partition.apply({ key: 'host', value, offset: offset++, timestampMs: 0 });
  send(source.manifest());
  send(source.health());
  const first = await partition.change();
  assert.ok(first.put.has('host/health/0'));
  partition.notStored();
  // A new session has said nothing of its health yet: the old one's must not come back.
  send(new FrameSource(2).manifest());
  const second = await partition.change();
  for (const name of first.put.keys()) {
    assert.ok(second.put.has(name) || second.remove.includes(name), `${name} is written again or removed`);
  }
  assert.ok(second.remove.includes('host/health/0'));
});

test('a state that was cut or mixed up is refused, not served', async () => {
  const partition = new Partition(0, OPTIONS);
  const kept = new KeptSections();
  const source = new FrameSource(1);
  partition.apply({ key: 'host', value: source.manifest(), offset: 0n, timestampMs: 0 });
  partition.apply({ key: 'host', value: source.rows([[0, 1, 7, 1n]]), offset: 1n, timestampMs: 0 });
  await kept.keep(partition);
  for (const name of ['host/meta', 'host/family-0-starts/0', 'host/manifest/0', 'host/map-0/0']) {
    const broken = new Map(kept.sections);
    if (name === 'host/meta') broken.delete(name);
    else broken.set(name, broken.get(name)!.subarray(0, 1));
    await assert.rejects(new Partition(0, OPTIONS).restore({ offset: 2n, sections: broken }), name);
  }
});

test('a series counts the same in whichever order snapshots fall (seeds)', () =>
  forSeeds(5, async (random) => {
    const records: ConsumedRecord[] = [];
    for (const record of randomTraffic(random, 3)) if (records.push(record) === 400) break;
    const whole = new Partition(0, OPTIONS);
    for (const record of records) apply(whole, record);
    const cut = randomInteger(random, 400);
    const kept = new KeptSections();
    const first = new Partition(0, OPTIONS);
    for (const record of records.slice(0, cut)) apply(first, record);
    await kept.keep(first);
    const second = await kept.restored(OPTIONS);
    for (const record of records.slice(cut)) apply(second, record);
    assert.equal(await exposed(second.hosts.values()), await exposed(whole.hosts.values()), `cut ${cut}`);
  }));
