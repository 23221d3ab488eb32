import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskLog, type DiskLogOptions, type LogLoss } from '../../lib/disk-log/disk-log.js';
import type { Scope } from './seed.js';

/** In memory where there is such a place: these tests make thousands of files. */
export function temporaryFolder(t: Scope): string {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sonde-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A small file system of its own. */
export function mountedTmpfs(t: Scope, size: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'sonde-test', folder]);
  t.after(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmdirSync(folder);
  });
  return folder;
}

export interface OpenLog {
  readonly log: DiskLog;
  readonly losses: LogLoss[];
  readonly errors: unknown[];
}

/** A log that is closed after the test. */
export async function openLog(t: Scope, folder: string, options: Partial<DiskLogOptions> = {}): Promise<OpenLog> {
  const losses: LogLoss[] = [];
  const errors: unknown[] = [];
  const log = new DiskLog({
    folder,
    maxBytes: 1 << 20,
    segmentBytes: 200,
    onLost: (loss) => losses.push(loss),
    onError: (error) => errors.push(error),
    ...options,
  });
  t.after(() => log.close());
  await log.start();
  return { log, losses, errors };
}

/** Reads and acknowledges all that waits, as text. */
export function drain(log: DiskLog, maxBytes = 100): string[] {
  const texts: string[] = [];
  for (let batch = log.read(maxBytes); batch !== undefined; batch = log.read(maxBytes)) {
    texts.push(...batch.entries.map(({ bytes }) => Buffer.from(bytes).toString()));
    log.acknowledge();
  }
  return texts;
}

/** Appends texts, each with its length as weight; returns the errors. */
export function append(log: DiskLog, texts: readonly string[]): Error[] {
  return texts.flatMap((text) => log.append([{ bytes: Buffer.from(text), weight: text.length }]) ?? []);
}
