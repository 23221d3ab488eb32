import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { native, type DirectoryEvents } from '../../../native/index.js';
import { cgroupId, makeCgroup, skipUnlessUnified, unifiedMount } from '../../harness/cgroups.js';
import { throwsNative } from '../../harness/native-assert.js';
import { skipUnlessRoot } from '../../harness/privileged.js';

const FAN_CREATE = 0x100;
const FAN_DELETE = 0x200;

function opened(t: TestContext, kind: 'fanotify' | 'inotify'): DirectoryEvents {
  const events = native.openDirectoryEvents(kind);
  t.after(() => events.close());
  return events;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sonde-events-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

describe('directory events', { skip: skipUnlessRoot }, () => {
  it('tell by inotify what is made in a directory, with its name and the watch', (t) => {
    const path = folder(t);
    const events = opened(t, 'inotify');
    const watch = events.watch(Buffer.from(path));
    const buffer = Buffer.alloc(4096);
    assert.equal(events.read(buffer), 0, 'nothing yet, and it does not wait');
    mkdirSync(join(path, 'made'));
    // struct inotify_event: int wd, u32 mask (IN_ISDIR | IN_CREATE), cookie, len, name.
    assert.equal(events.read(buffer), 32);
    assert.equal(BigInt(buffer.readInt32LE(0)), watch);
    assert.equal(buffer.readUInt32LE(4), 0x4000_0100);
    assert.equal(buffer.toString('latin1', 16, 20), 'made');
    assert.equal(events.read(buffer), 0);
  });

  it(
    'tell by fanotify the parent, the name and which file system; of a deletion also whose id it was',
    {
      skip: skipUnlessUnified,
    },
    (t) => {
      const events = opened(t, 'fanotify');
      const mount = unifiedMount()!;
      const fileSystem = events.watch(Buffer.from(mount));
      const path = makeCgroup(t, mount, `sonde-events-${process.pid}`);
      const id = cgroupId(path);
      rmdirSync(path);
      const seen = eventsOf(events).filter(({ name }) => name === `sonde-events-${process.pid}`);
      const parent = cgroupId(mount);
      assert.deepEqual(seen, [
        { mask: FAN_CREATE, fileSystem, parent, name: `sonde-events-${process.pid}`, target: undefined },
        { mask: FAN_DELETE, fileSystem, parent, name: `sonde-events-${process.pid}`, target: id },
      ]);
    },
  );

  it('call back when there is something to read, until they are closed', async (t) => {
    const path = folder(t);
    const events = opened(t, 'inotify');
    events.watch(Buffer.from(path));
    const buffer = Buffer.alloc(4096);
    let resolve: (bytes: number) => void;
    const next = (): Promise<number> => new Promise((done) => (resolve = done));
    events.start(() => {
      const bytes = events.read(buffer);
      if (bytes > 0) resolve(bytes);
    });
    for (const name of ['one', 'two']) {
      const called = next();
      mkdirSync(join(path, name));
      assert.equal(await called, 32);
    }
    events.close();
    events.close();
    throwsNative(() => events.read(buffer), { code: 'CLOSED', operation: 'read' });
  });

  it('say what was refused, and what an argument must be', (t) => {
    const events = opened(t, 'inotify');
    throwsNative(() => events.watch(Buffer.from('/no/such')), { code: 'ENOENT', operation: 'watch' });
    throwsNative(() => native.openDirectoryEvents('poll' as 'inotify'), { code: 'INVALID_ARGUMENT' });
  });
});

interface Seen {
  readonly mask: number;
  readonly fileSystem: bigint;
  readonly parent: bigint;
  readonly name: string;
  readonly target: bigint | undefined;
}

/** What struct fanotify_event_metadata and its information records say (linux/fanotify.h), as far as these tests need it. */
function eventsOf(events: DirectoryEvents): Seen[] {
  const buffer = Buffer.alloc(1 << 20);
  const bytes = events.read(buffer);
  const seen: Seen[] = [];
  for (let at = 0; at < bytes; at += buffer.readUInt32LE(at)) {
    const named = at + buffer.readUInt16LE(at + 6);
    const next = named + buffer.readUInt16LE(named + 2);
    const end = at + buffer.readUInt32LE(at);
    seen.push({
      mask: buffer.readUInt32LE(at + 8) & 0xffff,
      fileSystem: buffer.readBigUInt64LE(named + 4),
      parent: buffer.readBigUInt64LE(named + 20),
      name: buffer.toString('latin1', named + 28, buffer.indexOf(0, named + 28)),
      target: next < end ? buffer.readBigUInt64LE(next + 20) : undefined,
    });
  }
  return seen;
}
