import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCursor } from './cursor.js';
import type { DiskLogOptions } from './disk-log.js';
import { scanSegment, type Segment } from './segment.js';

const SEGMENT_NAME = /^(\d{12})\.log$/;

export function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(12, '0')}.log`);
}

export function cursorPath(folder: string): string {
  return join(folder, 'cursor');
}

type RecoverOptions = Pick<DiskLogOptions, 'folder' | 'onLost' | 'onError'>;

/** The segments in a folder, oldest first, as far as they are whole, and a number that none has had. */
export async function recover(options: RecoverOptions): Promise<{ segments: Segment[]; nextNumber: number }> {
  const { folder, onError } = options;
  const cursor = attempt(() => readCursor(cursorPath(folder)), onError) ?? { segment: 0, entries: 0 };
  const numbers = readdirSync(folder)
    .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const segments: Segment[] = [];
  for (const number of numbers) {
    if (number < cursor.segment) {
      attempt(() => rmSync(segmentPath(folder, number)), onError);
      continue;
    }
    const segment = await recoverSegment(number, number === cursor.segment ? cursor.entries : 0, options);
    if (segment !== undefined) segments.push(segment);
  }
  return { segments, nextNumber: Math.max(cursor.segment, ...numbers) + 1 };
}

async function recoverSegment(
  number: number,
  skip: number,
  { folder, onLost, onError }: RecoverOptions,
): Promise<Segment | undefined> {
  const path = segmentPath(folder, number);
  let contents: Buffer;
  try {
    contents = await readFile(path);
  } catch (error) {
    onError(error);
    const bytes = attempt(() => statSync(path).size, onError) ?? 0;
    onLost({ reason: 'damaged', segment: number, entries: 0, weight: 0, bytes });
    return undefined;
  }
  const { total, skipped, damaged } = scanSegment(contents, number, skip);
  if (damaged.bytes > 0) {
    onLost({ reason: 'damaged', segment: number, ...damaged });
    // So that it is not told again.
    attempt(() => truncateSync(path, total.bytes), onError);
  }
  return { number, path, total, acknowledged: skipped };
}

function attempt<T>(work: () => T, onError: (error: unknown) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    onError(error);
    return undefined;
  }
}
