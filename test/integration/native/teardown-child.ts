// One way of ending each: `node teardown-child.js SCENARIO`. Prints `done` when it got as far as it meant to.
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import {
  native,
  NativeError,
  type BpfObject,
  type DirectoryEvents,
  type EventBatch,
  type EventReader,
} from '../../../native/index.js';
import { compileFixture } from '../../harness/compile-bpf.js';
import { EventFixture } from '../../harness/event-fixture.js';
import { findMap, u32, u64 } from '../../harness/native-assert.js';
import { until } from '../../harness/until.js';

const SELF = fileURLToPath(import.meta.url);
const ROWS = 40_000;
const ignore = (): void => {};

function done(): void {
  process.stdout.write('done');
}

function openMapsUnloaded(): BpfObject {
  return native.open(compileFixture('maps'));
}

function openMaps(): BpfObject {
  const object = openMapsUnloaded();
  object.load();
  return object;
}

function fill(object: BpfObject): void {
  const map = findMap(object, 'hash');
  for (let i = 0; i < ROWS; i++) map.update(u32(i), u64(1n));
}

interface Everything {
  readonly ring: EventFixture;
  readonly perf: EventFixture;
  readonly maps: BpfObject;
  readonly readers: EventReader[];
}

/** Opens one of each: attached programs, a map read under way, ring and perf readers. */
function openEverything(onBatch: (batch: EventBatch) => void = ignore, start = true): Everything {
  const maps = openMaps();
  fill(maps);
  void findMap(maps, 'hash').openReader().next().catch(ignore);
  const ring = new EventFixture('write_ring');
  const perf = new EventFixture('write_perf');
  const readers = [
    ring.map('ring').openRing({ onBatch, maxRecords: 10 }),
    perf.map('perf').openPerfBuffer({ onBatch, maxRecords: 10 }),
  ];
  if (start) for (const reader of readers) reader.start();
  ring.emit({ records: 100, bytes: 64 });
  return { ring, perf, maps, readers };
}

async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    globalThis.gc?.();
    await delay(5);
  }
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

/** Collects garbage until no more files are open than `before`: reads under way keep theirs until their thread is done. */
async function filesBack(before: number): Promise<void> {
  await until(() => {
    globalThis.gc?.();
    return openFiles() <= before;
  }, `${openFiles()} open files to become ${before}`);
}

async function inWorker(scenario: string): Promise<number> {
  const worker = new Worker(SELF, { workerData: scenario });
  worker.on('error', (error) => {
    throw error;
  });
  return await new Promise((resolve) => worker.on('exit', resolve));
}

async function terminated(scenario: string, afterMs: number): Promise<void> {
  const worker = new Worker(SELF, { workerData: scenario });
  await new Promise((resolve) => worker.once('message', resolve));
  await delay(afterMs);
  await worker.terminate();
}

const scenarios: Record<string, () => void | Promise<void>> = {
  'close everything twice'() {
    const { ring, perf, maps, readers } = openEverything();
    for (let i = 0; i < 2; i++) {
      for (const reader of readers) reader.close();
      for (const { object } of [ring, perf]) object.close();
      maps.close();
    }
    done();
  },

  'close only the objects'() {
    const { ring, perf, maps } = openEverything();
    for (const object of [ring.object, perf.object, maps]) object.close();
    done();
  },

  async 'close the reader in its callback'() {
    const fixture = new EventFixture('write_ring');
    let calls = 0;
    const reader = fixture.map('ring').openRing({
      maxRecords: 1,
      onBatch: () => {
        calls++;
        reader.close();
        globalThis.gc?.();
      },
    });
    reader.start();
    fixture.emit({ records: 10, bytes: 64 });
    await until(() => calls > 0, 'the callback');
    await delay(50);
    if (calls !== 1) throw new Error(`${calls} calls after close`);
    fixture.object.close();
    done();
  },

  async 'close the object in the callback'() {
    const fixture = new EventFixture('write_perf');
    let calls = 0;
    const onBatch = (): void => {
      calls++;
      fixture.object.close();
    };
    fixture.map('perf').openPerfBuffer({ maxRecords: 1, onBatch }).start();
    fixture.emit({ records: 10, bytes: 64 });
    await until(() => calls > 0, 'the callback');
    await delay(50);
    if (calls !== 1) throw new Error(`${calls} calls after close`);
    done();
  },

  'close in the callback of drain()'() {
    const fixture = new EventFixture('write_ring');
    const reader = fixture.map('ring').openRing({ maxRecords: 1, onBatch: () => reader.close() });
    fixture.emit({ records: 10, bytes: 64 });
    if (reader.drain()) throw new Error('a closed reader has nothing left');
    if (reader.stats().records !== 1n) throw new Error('it went on after close');
    fixture.object.close();
    done();
  },

  async 'close the object while maps are read'() {
    const codes = [];
    for (let i = 0; i < 8; i++) {
      const object = openMaps();
      fill(object);
      const reads = Array.from({ length: 6 }, () => findMap(object, 'hash').openReader().next());
      if (i % 2 === 0) await delay(1);
      object.close();
      for (const read of reads) codes.push(read.catch((error: unknown) => error instanceof NativeError && error.code));
    }
    const outcome = new Set((await Promise.all(codes)).map((code) => (typeof code === 'number' ? 'rows' : code)));
    outcome.delete('rows');
    if ([...outcome].join() !== 'CLOSED') throw new Error(`rejected with ${[...outcome].join()}`);
    done();
  },

  async 'close and collect objects while they are loaded'() {
    const before = openFiles();
    const load = (): Promise<unknown> => {
      const object = openMapsUnloaded();
      const loaded = object.loadAsync().catch((error: unknown) => error instanceof NativeError && error.code);
      object.close();
      return loaded;
    };
    const codes = await Promise.all(Array.from({ length: 12 }, load));
    if (new Set(codes).size !== 1 || codes[0] !== 'CLOSED') throw new Error(codes.join());
    void openMapsUnloaded().loadAsync();
    await filesBack(before);
    done();
  },

  'exit while objects are loaded'() {
    for (let i = 0; i < 8; i++) void openMapsUnloaded().loadAsync();
    done();
    process.exit(0);
  },

  async 'collect everything without close'() {
    await collectGarbage();
    openEverything(ignore, false);
    await collectGarbage();
    const before = openFiles();
    for (let i = 0; i < 5; i++) {
      openEverything(ignore, false);
      await delay(2);
      await collectGarbage();
    }
    await filesBack(before);
    done();
  },

  async 'a reader under way keeps its object'() {
    let count = 0;
    const reader = (() => {
      const fixture = new EventFixture('write_ring');
      const opened = fixture.map('ring').openRing({ onBatch: (batch) => (count += batch.count) });
      opened.start();
      fixture.emit({ records: 1, bytes: 16 });
      return opened;
    })();
    await until(() => count === 1, 'the first record');
    await collectGarbage();
    process.kill(process.pid, 0);
    await until(() => count === 2, 'the second record');
    reader.close();
    done();
  },

  async 'buffers outlive the reader'() {
    const object = openMaps();
    const open = openMaps();
    fill(object);
    fill(open);
    const reader = findMap(object, 'hash').openReader();
    const rows = await reader.next();
    const { keys } = reader;
    object.close();
    await collectGarbage();
    if (new Set(new Uint32Array(keys.buffer).subarray(0, rows)).size !== rows) throw new Error('the keys are gone');
    // Depending on its version, Node refuses, copies or moves the buffer; C++ goes on writing to the memory in any case.
    const second = findMap(open, 'hash').openReader();
    await second.next();
    try {
      structuredClone(second.keys.buffer, { transfer: [second.keys.buffer as ArrayBuffer] });
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
    await collectGarbage();
    while ((await second.next()) > 0);
    open.close();
    done();
  },

  async 'a callback that throws'() {
    const fixture = new EventFixture('write_ring');
    const caught: unknown[] = [];
    let count = 0;
    process.on('uncaughtException', (error) => caught.push(error.message));
    const reader = fixture.map('ring').openRing({
      maxRecords: 1,
      onBatch: () => {
        if (++count % 2 === 1) throw new Error('thrown by the callback');
      },
    });
    reader.start();
    fixture.emit({ records: 6, bytes: 16 });
    while (count < 6) await delay(1);
    if (caught.join() !== Array.from({ length: 3 }, () => 'thrown by the callback').join())
      throw new Error(caught.join());
    reader.close();
    done();
  },

  'a callback that throws, with no handler'() {
    const fixture = new EventFixture('write_ring');
    const onBatch = (): void => {
      throw new Error('thrown by the callback');
    };
    fixture.map('ring').openRing({ onBatch }).start();
    fixture.emit({ records: 1, bytes: 16 });
  },

  async 'a reader keeps the process alive until close'() {
    const { ring, perf, maps, readers } = openEverything();
    setTimeout(() => {
      for (const reader of readers) reader.close();
      done();
    }, 100).unref();
    await delay(1);
    void [ring, perf, maps];
  },

  'exit with everything open'() {
    openEverything();
    done();
    process.exit(0);
  },

  'exit in the callback'() {
    openEverything(() => {
      done();
      process.exit(0);
    });
  },

  'end without close'() {
    openEverything(ignore, false);
    done();
  },

  async 'two workers and the main thread'() {
    const { maps, ring, perf } = openEverything();
    const statuses = await Promise.all([inWorker('worker: ends by itself'), inWorker('worker: ends by itself')]);
    if (statuses.join() !== '0,0') throw new Error(`workers ended with ${statuses.join()}`);
    for (const object of [maps, ring.object, perf.object]) object.close();
    done();
  },

  async 'only a worker loads the addon'() {
    if ((await inWorker('worker: ends by itself')) !== 0) throw new Error('the worker failed');
    if ((await inWorker('worker: ends by itself')) !== 0) throw new Error('the second worker failed');
    done();
  },

  async 'workers that are terminated'() {
    for (const afterMs of [0, 0, 1, 3, 10, 30]) await terminated('worker: busy', afterMs);
    done();
  },

  async 'a worker that exits in the callback'() {
    if ((await inWorker('worker: exits in the callback')) !== 7) throw new Error('wrong status');
    done();
  },

  async 'exit while workers are busy'() {
    const worker = new Worker(SELF, { workerData: 'worker: busy' });
    await new Promise((resolve) => worker.once('message', resolve));
    done();
    process.exit(0);
  },

  async 'worker: ends by itself'() {
    const { maps, ring, readers } = openEverything();
    await delay(20);
    ring.emit({ records: 10, bytes: 64 });
    for (const reader of readers) reader.close();
    native.hasFeature('tp_btf'); // which keeps the kernel's BTF
    void maps;
  },

  async 'worker: busy'() {
    const { parentPort } = await import('node:worker_threads');
    const { ring, perf, maps } = openEverything();
    const reader = findMap(maps, 'hash').openReader();
    for (let i = 0; i < 4; i++) void openMapsUnloaded().loadAsync().catch(ignore);
    void native.readFile('/proc/kallsyms').catch(ignore);
    parentPort?.postMessage('ready');
    for (;;) {
      ring.emit({ records: 300, bytes: 64 });
      perf.emit({ records: 300, bytes: 64 });
      await Promise.all([reader.next(), new Promise(setImmediate)]);
    }
  },

  async 'directory events end in every way'() {
    await collectGarbage();
    const before = openFiles();
    const open = (): DirectoryEvents => {
      const events = native.openDirectoryEvents('inotify');
      events.watch(Buffer.from(tmpdir()));
      return events;
    };
    const twice = open();
    twice.start(ignore);
    twice.close();
    twice.close();
    open();
    const called = new Promise<void>((resolve) => {
      const inCallback = open();
      inCallback.start(() => {
        inCallback.close();
        globalThis.gc?.();
        resolve();
      });
    });
    rmdirSync(mkdtempSync(join(tmpdir(), 'sonde-events-')));
    await called;
    await filesBack(before);
    if ((await inWorker('worker: directory events')) !== 0) throw new Error('the worker failed');
    open().start(ignore);
    done();
    process.exit(0);
  },

  'worker: directory events'() {
    const events = native.openDirectoryEvents('inotify');
    events.watch(Buffer.from(tmpdir()));
    events.start(ignore);
    process.exit(0);
  },

  'worker: exits in the callback'() {
    openEverything(() => process.exit(7));
  },
};

const name = isMainThread ? (process.argv[2] ?? '') : String(workerData);
const scenario = scenarios[name];
if (scenario === undefined) throw new Error(`no scenario ${name}`);
await scenario();
