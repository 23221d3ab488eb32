import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HEADER_BYTES } from '../../../../lib/disk-log/entry.js';
import { append, drain, openLog, temporaryFolder } from '../../../harness/disk-log.js';
import { forSeeds, type Scope } from '../../../harness/seed.js';
import { randomInteger } from '../../../../lib/random.js';

/** Texts of different lengths, the empty one among them. */
function texts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}:`.padEnd((i * 37) % 90, 'x').slice(0, (i * 37) % 90));
}

/** Of random lengths, the empty one often among them, with every ASCII character. */
function randomTexts(random: () => number, count: number): string[] {
  return Array.from({ length: count }, () => {
    const bytes = new Uint8Array(random() < 0.1 ? 0 : randomInteger(random, 90));
    return Buffer.from(bytes.map(() => randomInteger(random, 128))).toString('latin1');
  });
}

function segmentsOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort();
}

/** A closed log of several segments, with what was appended, by segment. */
async function written(t: Scope, all = texts(24)): Promise<{ folder: string; bySegment: string[][] }> {
  const folder = temporaryFolder(t);
  const { log } = await openLog(t, folder);
  const bySegment: string[][] = [];
  for (const text of all) {
    if (log.isSegmentFull) bySegment.push([]);
    append(log, [text]);
    bySegment.at(-1)!.push(text);
  }
  await log.close();
  assert.equal(segmentsOf(folder).length, bySegment.length);
  return { folder, bySegment };
}

function copyOf(t: Scope, folder: string): string {
  const copy = temporaryFolder(t);
  for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(copy, name));
  return copy;
}

test('entries come back in order, each once, whether read at once or after a restart', async (t) => {
  const folder = temporaryFolder(t);
  const { log } = await openLog(t, folder);
  append(log, texts(10));
  assert.deepEqual(drain(log), texts(10));
  append(log, texts(20));
  assert.equal(log.waiting.entries, 20);
  assert.equal(
    log.waiting.weight,
    texts(20).reduce((sum, { length }) => sum + length, 0),
  );
  await log.close();
  const again = await openLog(t, folder);
  assert.equal(again.log.waiting.entries, 20);
  append(again.log, ['new']);
  assert.deepEqual(drain(again.log), [...texts(20), 'new']);
  assert.deepEqual([again.losses, again.errors], [[], []]);
  assert.ok(again.log.isEmpty);
  assert.deepEqual(segmentsOf(folder), [], 'nothing waits, so nothing is kept');
});

test('entries of one append stay in one segment, and a batch in one segment and within its bytes', async (t) => {
  const { log } = await openLog(t, temporaryFolder(t), { segmentBytes: 100 });
  const group = ['a'.repeat(80), 'b'.repeat(80), 'c'.repeat(80)];
  for (let i = 0; i < 2; i++)
    assert.equal(log.append(group.map((text) => ({ bytes: Buffer.from(text), weight: 1 }))), undefined);
  const sizes: [number, number][] = [];
  for (let batch = log.read(170); batch !== undefined; batch = log.read(170)) {
    sizes.push([batch.segment, batch.entries.length]);
    log.acknowledge();
  }
  assert.deepEqual(sizes, [
    [1, 1],
    [1, 1],
    [1, 1],
    [2, 1],
    [2, 1],
    [2, 1],
  ]);
  append(log, ['larger than what is asked for']);
  assert.equal(log.read(1)!.entries.length, 1);
});

test('what was acknowledged does not come again after a restart; what was only read does', async (t) => {
  const all = texts(30);
  const folder = temporaryFolder(t);
  let done = 0;
  const first = await openLog(t, folder);
  append(first.log, all);
  await first.log.close();
  while (done < all.length) {
    const { log } = await openLog(t, folder);
    const batch = log.read(100)!;
    assert.equal(Buffer.from(batch.entries[0]!.bytes).toString(), all[done]);
    log.acknowledge();
    done += batch.entries.length;
    log.read(100);
    await log.close();
  }
  const { log } = await openLog(t, folder);
  assert.ok(log.isEmpty);
});

test('a batch that is given back is read again', async (t) => {
  const { log } = await openLog(t, temporaryFolder(t));
  append(log, ['one', 'two']);
  const batch = log.read(100);
  assert.throws(() => log.read(100), /before the last batch/);
  log.giveBack();
  assert.deepEqual(log.read(100), batch);
  log.giveBack();
  assert.deepEqual(drain(log), ['one', 'two']);
});

test('cut at any byte, all whole entries before the cut come back, and nothing else', () =>
  forSeeds(1, async (random, t) => {
    const { folder, bySegment } = await written(t, randomTexts(random, 12));
    const names = segmentsOf(folder);
    for (const [index, name] of names.entries()) {
      const before = bySegment.slice(0, index).flat();
      const size = statSync(join(folder, name)).size;
      for (let cut = 0; cut < size; cut++) {
        const copy = temporaryFolder(t);
        for (const kept of names.slice(0, index + 1)) copyFileSync(join(folder, kept), join(copy, kept));
        truncateSync(join(copy, name), cut);
        const whole: string[] = [];
        let end = 0;
        for (const text of bySegment[index]!) {
          if (end + HEADER_BYTES + text.length > cut) break;
          end += HEADER_BYTES + text.length;
          whole.push(text);
        }
        const { log, losses } = await openLog(t, copy);
        const torn = cut - end;
        assert.equal(losses[0]?.bytes ?? 0, torn, `cut at ${cut} of ${name}`);
        assert.equal(losses[0]?.entries ?? 0, torn >= HEADER_BYTES ? 1 : 0);
        // The next entry goes behind what is whole.
        const next = cut % 10 === 0 ? ['next'] : [];
        append(log, next);
        assert.deepEqual(drain(log), [...before, ...whole, ...next], `cut at ${cut} of ${name}`);
        await log.close();
        rmSync(copy, { recursive: true });
      }
    }
  }));

test('a flipped bit costs the rest of its segment, which is counted', () =>
  forSeeds(10, async (random, t) => {
    const { folder, bySegment } = await written(t, randomTexts(random, 24));
    const names = segmentsOf(folder);
    for (let round = 0; round < 20; round++) {
      const copy = copyOf(t, folder);
      const index = randomInteger(random, names.length);
      const path = join(copy, names[index]!);
      const contents = readFileSync(path);
      const at = randomInteger(random, contents.length);
      contents[at]! ^= 1 << randomInteger(random, 8);
      writeFileSync(path, contents);
      let [entry, start] = [0, 0];
      const lengths = bySegment[index]!.map((text) => HEADER_BYTES + text.length);
      while (start + lengths[entry]! <= at) start += lengths[entry++]!;
      const lost = bySegment[index]!.slice(entry);
      const isCountable = at - start >= HEADER_BYTES;

      const { log, losses } = await openLog(t, copy);
      const expected = bySegment.flatMap((some, i) => (i === index ? some.slice(0, entry) : some));
      assert.deepEqual(drain(log), expected, `byte ${at} of ${names[index]}`);
      assert.deepEqual(losses, [
        {
          reason: 'damaged',
          segment: index + 1,
          entries: isCountable ? lost.length : 0,
          weight: isCountable ? lost.join('').length : 0,
          bytes: contents.length - start,
        },
      ]);
      await log.close();
      rmSync(copy, { recursive: true });
    }
  }));

test('damage is told once, and not for what had been acknowledged', async (t) => {
  const { folder, bySegment } = await written(t);
  const one = await openLog(t, folder);
  const { length } = one.log.read(100)!.entries;
  one.log.acknowledge();
  await one.log.close();
  assert.ok(length < bySegment[0]!.length);
  const path = join(folder, segmentsOf(folder)[0]!);
  const contents = readFileSync(path);
  contents[HEADER_BYTES + bySegment[0]![0]!.length + HEADER_BYTES] = 0xff; // of the second entry
  writeFileSync(path, contents);
  const two = await openLog(t, folder);
  assert.equal(two.losses[0]?.entries, bySegment[0]!.length - length);
  await two.log.close();
  const three = await openLog(t, folder);
  assert.deepEqual(three.losses, []);
  assert.deepEqual(drain(three.log), bySegment.slice(1).flat());
});

test('damage that comes while the log is open is found when it is read', async (t) => {
  const folder = temporaryFolder(t);
  const { log, losses } = await openLog(t, folder);
  append(log, texts(24));
  const path = join(folder, segmentsOf(folder)[1]!);
  truncateSync(path, HEADER_BYTES + 3);
  const read = drain(log);
  const [loss] = losses;
  assert.equal(loss?.segment, 2);
  assert.equal(read.length + loss.entries, 24);
});

test('a damaged cursor costs repetition, and nothing else', async (t) => {
  for (const cursor of ['', 'nonsense', '1 3 00000000\n']) {
    const { folder, bySegment } = await written(t);
    writeFileSync(join(folder, 'cursor'), cursor);
    const { log, losses } = await openLog(t, folder);
    assert.deepEqual(drain(log), bySegment.flat());
    assert.deepEqual(losses, []);
    await log.close();
  }
});

test('what is not a segment is left alone', async (t) => {
  const { folder, bySegment } = await written(t);
  writeFileSync(join(folder, 'README'), 'not ours');
  mkdirSync(join(folder, '000000000099.log'));
  const { log, losses, errors } = await openLog(t, folder);
  assert.equal(losses.length, 1, 'a folder that is named like a segment cannot be read');
  assert.equal(errors.length, 1);
  assert.deepEqual(drain(log), bySegment.flat());
  assert.equal(readFileSync(join(folder, 'README'), 'utf8'), 'not ours');
});

test('the bound holds at every moment, and what went is counted to the entry', async (t) => {
  const folder = temporaryFolder(t);
  const { log, losses } = await openLog(t, folder, { maxBytes: 1000 });
  const all = texts(200);
  for (const text of all) {
    append(log, [text]);
    const onDisk = segmentsOf(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    assert.ok(onDisk <= 1000);
  }
  const kept = drain(log);
  assert.deepEqual(kept, all.slice(all.length - kept.length), 'the oldest went');
  assert.equal(losses.reduce((sum, { entries }) => sum + entries, 0) + kept.length, all.length);
  assert.equal(losses.reduce((sum, { weight }) => sum + weight, 0) + kept.join('').length, all.join('').length);
  assert.equal(append(log, ['y'.repeat(1000)]).length, 1, 'more than there is room for at all');
});

test('a batch in hand while its segment goes is counted once: as done, or as lost when it is given back', async (t) => {
  for (const isDone of [true, false]) {
    const { log, losses } = await openLog(t, temporaryFolder(t), { maxBytes: 600 });
    append(log, texts(5));
    const { length } = log.read(100)!.entries;
    append(log, ['z'.repeat(500)]);
    assert.equal(losses[0]!.entries, 5 - length);
    if (isDone) log.acknowledge();
    else log.giveBack();
    assert.equal(
      losses.reduce((sum, { entries }) => sum + entries, 0),
      isDone ? 5 - length : 5,
    );
    assert.deepEqual(drain(log), ['z'.repeat(500)]);
    await log.close();
  }
});

test('a smaller bound at the next start takes the oldest', async (t) => {
  const { folder, bySegment } = await written(t);
  const { log, losses } = await openLog(t, folder, { maxBytes: 600 });
  const kept = drain(log);
  assert.ok(kept.length > 0 && losses.length > 0);
  assert.deepEqual(kept, bySegment.flat().slice(-kept.length));
});

test('one process at a time; the lock of one that is gone is taken over', async (t) => {
  const folder = temporaryFolder(t);
  const { log } = await openLog(t, folder);
  await assert.rejects(openLog(t, folder), new RegExp(`process ${process.pid} uses this folder: stop it`));
  await log.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('lock')),
    [],
  );
  for (const stale of ['', 'nonsense', '4194999 17 boot', `${process.pid} 1 of-another-start`]) {
    writeFileSync(join(folder, 'lock'), stale);
    const next = await openLog(t, folder);
    append(next.log, ['x']);
    await next.log.close();
  }
});

test('only its owner can read it', async (t) => {
  const parent = temporaryFolder(t);
  chmodSync(parent, 0o755);
  const folder = join(parent, 'spool');
  const { log } = await openLog(t, folder);
  append(log, ['people’s data', 'more']);
  log.read(1);
  log.acknowledge();
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
});
