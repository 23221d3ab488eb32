import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FilePublisher } from '../../../../wire/recording/file-publisher.js';
import type { Recorded } from '../../../../wire/recording/format.js';
import { RecordingReader } from '../../../../wire/recording/recording-reader.js';
import { RecordingWriter } from '../../../../wire/recording/recording-writer.js';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sonde-recording-'));
});
after(() => rm(folder, { recursive: true }));

const RECORDS: readonly Recorded[] = [
  { partition: 0, record: { key: 'a', value: new Uint8Array([1, 2, 3]), offset: 0n, timestampMs: 1_800_000_000_000 } },
  { partition: 7, record: { key: 'bé', value: new Uint8Array(300).fill(9), offset: 2n ** 60n, timestampMs: 5 } },
  { partition: 1, record: { key: 'c', value: new Uint8Array(), offset: 3n, timestampMs: 0 } },
];

async function write(name: string, records = RECORDS): Promise<string> {
  const path = join(folder, name);
  const writer = await RecordingWriter.create(path, { overwrite: true });
  await writer.append(records);
  await writer.close();
  assert.equal(writer.bytes, (await readFile(path)).length);
  return path;
}

async function read(path: string): Promise<{ records: Recorded[]; damage: string | undefined }> {
  const reader = new RecordingReader(path);
  const records: Recorded[] = [];
  for await (const { partition, record } of reader.records()) {
    records.push({ partition, record: { ...record, value: Uint8Array.from(record.value) } });
  }
  return { records, damage: reader.damage };
}

test('what was recorded is read again, in order', async () => {
  const { records, damage } = await read(await write('whole'));
  assert.deepEqual(records, RECORDS);
  assert.equal(damage, undefined);
});

test('a file cut at any byte is read up to the cut, and says so', async () => {
  const bytes = await readFile(await write('to-cut'));
  const path = join(folder, 'cut');
  let before = RECORDS.length;
  for (let length = bytes.length; length >= 9; length--) {
    await writeFile(path, bytes.subarray(0, length));
    const { records, damage } = await read(path);
    assert.deepEqual(records, RECORDS.slice(0, records.length));
    assert.ok(records.length <= before);
    before = records.length;
    const isWhole = damage === undefined;
    if (!isWhole) assert.match(damage, /is damaged after \d frames, at byte \d+: the last \d+ bytes are a part/);
    if (length === 9) assert.ok(isWhole && records.length === 0);
  }
  assert.equal(before, 0);
});

test('rubbish in the middle ends the reading there', async () => {
  const bytes = await readFile(await write('rubbish'));
  const path = join(folder, 'rubbish');
  for (const [rubbish, why] of [
    [[0], /a record of 0 bytes cannot be/],
    [[0xff, 0xff, 0xff, 0xff, 0x7f], /a record of Infinity bytes cannot be/],
    [[2, 0xff, 0xff], /a record is no RecordedFrame/],
  ] as const) {
    await writeFile(path, Buffer.concat([bytes, Buffer.from(rubbish), bytes.subarray(9)]));
    const { records, damage } = await read(path);
    assert.deepEqual(records, RECORDS);
    assert.match(damage!, why);
  }
});

test('what is no recording is refused, and so is one of the future', async () => {
  const path = join(folder, 'other');
  for (const [bytes, why] of [
    ['', /is no recording/],
    ['SONDE', /is no recording/],
    ['SONDEREC', /ends within its header/],
    ['#!/bin/sh\necho', /is no recording/],
    ['SONDEREC\x02', /format 2, and this version of Sonde reads format 1: upgrade it/],
  ] as const) {
    await writeFile(path, bytes, 'latin1');
    await assert.rejects(read(path), why);
  }
  await assert.rejects(read(join(folder, 'none')), /none is not there/);
});

test('a file that is there is not overwritten, unless that is asked for', async () => {
  const path = await write('there');
  await assert.rejects(RecordingWriter.create(path, { overwrite: false }), /is there already.*--force/);
  assert.deepEqual((await read(path)).records, RECORDS);
  await (await RecordingWriter.create(path, { overwrite: true })).close();
  assert.deepEqual((await read(path)).records, []);
  await assert.rejects(RecordingWriter.create(folder, { overwrite: true }), /is a folder/);
  await assert.rejects(
    RecordingWriter.create(join(folder, 'no', 'file'), { overwrite: true }),
    /its folder is not there/,
  );
});

test('a bus that ends in a file numbers and stamps the records', async () => {
  const path = join(folder, 'bus');
  const writer = await RecordingWriter.create(path, { overwrite: true });
  let now = 1000;
  const bus = new FilePublisher(writer, () => now++);
  await bus.publish([
    { key: 'a', value: new Uint8Array([1]) },
    { key: 'b', value: new Uint8Array([2]) },
  ]);
  await bus.publish([{ key: 'a', value: new Uint8Array([3]) }]);
  await bus.close();
  await bus.close();
  const { records } = await read(path);
  assert.deepEqual(
    records.map(({ record }) => [record.offset, record.timestampMs, record.value[0]]),
    [
      [0n, 1000, 1],
      [1n, 1000, 2],
      [2n, 1001, 3],
    ],
  );
});
