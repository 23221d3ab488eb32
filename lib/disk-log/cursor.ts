import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** How far a log has been acknowledged: all segments before this one, and its first entries. */
export interface Cursor {
  readonly segment: number;
  readonly entries: number;
}

/** The cursor in a file; undefined when there is none, or none that is whole: then everything there is has to be read again. */
export function readCursor(path: string): Cursor | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [, segment, entries] = /^(\d{1,15}) (\d{1,15}) [0-9a-f]{8}\n$/.exec(text) ?? [];
  if (segment === undefined || entries === undefined) return undefined;
  const cursor = { segment: Number(segment), entries: Number(entries) };
  return format(cursor) === text ? cursor : undefined;
}

/** Replaces the file as a whole: whoever reads it sees the old cursor or the new one. */
export function writeCursor(path: string, cursor: Cursor): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, format(cursor), { mode: 0o600 });
  renameSync(temporary, path);
}

function format({ segment, entries }: Cursor): string {
  const numbers = `${segment} ${entries}`;
  return `${numbers} ${crc32(numbers).toString(16).padStart(8, '0')}\n`;
}
