import { join } from 'node:path';
import { writeBatch } from '../aggregator/output/influx/batch-writer.js';
import { LetterFolder, type KeptLetter } from '../aggregator/output/influx/letter-folder.js';
import type { InfluxLink } from '../aggregator/output/influx/influx-link.js';
import type { SettingValues } from '../lib/settings.js';
import { startLog } from './start-log.js';
import type { Settings } from '../lib/settings/load.js';
import { textTable } from '../lib/text-table.js';
import { UsageError } from './fail.js';
import { openInfluxLink } from './influx.js';

export type DlqAction = 'list' | 'show' | 'replay' | 'drop';

export interface DlqChoice {
  /** Names of letters, as `list` prints them. */
  readonly ids: readonly string[];
  /** Every letter that there is. */
  readonly all: boolean;
}

/**
 * `sonde dlq`: the points that InfluxDB has refused, in `influx.queue.dir`; what runs there need not be stopped. Resolves with whether
 * all that was asked for has been done.
 */
export async function dlq(settings: Settings, action: DlqAction, choice: DlqChoice): Promise<boolean> {
  const { values } = settings;
  const letters = new LetterFolder(join(values['influx.queue.dir'], 'dead'), Infinity, () => undefined);
  const kept = await chosen(letters, action === 'list' ? { ids: [], all: true } : choice, values);
  if (action === 'list') process.stdout.write(listing(kept));
  if (action === 'show') for (const letter of kept) process.stdout.write(`# ${title(letter)}\n${letter.lines}`);
  if (action === 'drop') for (const { id } of kept) await letters.remove(id);
  if (action !== 'replay') return true;
  const url = values['influx.url'];
  if (url === undefined) throw new UsageError('influx.url is missing: give it, so that there is where to write to');
  const link = await openInfluxLink(values, url, startLog(settings));
  return replay(letters, kept, link);
}

async function chosen(
  letters: LetterFolder,
  { ids, all }: DlqChoice,
  values: SettingValues,
): Promise<readonly KeptLetter[]> {
  if (!all && ids.length === 0) throw new UsageError('name letters as sonde dlq list prints them, or give --all');
  const there = await letters.ids().catch((error: unknown): string[] => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new UsageError(`influx.queue.dir: ${values['influx.queue.dir']}: ${message}`);
  });
  const missing = ids.find((id) => !there.includes(id));
  if (missing !== undefined)
    throw new UsageError(`there is no letter ${missing}: sonde dlq list prints those there are`);
  const read = await Promise.all((all ? there : ids).map((id) => letters.read(id)));
  // One may have had to make room meanwhile.
  return read.filter((letter) => letter !== undefined);
}

/** Writes letters once more; those that are written go. Times are their own, so what is there already is overwritten. */
async function replay(letters: LetterFolder, kept: readonly KeptLetter[], link: InfluxLink): Promise<boolean> {
  let isDone = true;
  for (const letter of kept) {
    const batch = { lines: Buffer.from(letter.lines), points: letter.points };
    const written = await writeBatch(batch, (lines) => link.send(lines, new AbortController().signal));
    if (written.later.length > 0) throw new UsageError(`InfluxDB takes no points: ${written.reason}`);
    const [refusal] = written.dead;
    if (refusal === undefined) await letters.remove(letter.id);
    else isDone = false;
    process.stdout.write(`${letter.id}  ${refusal === undefined ? 'written' : `refused again: ${refusal.reason}`}\n`);
  }
  return isDone;
}

function listing(kept: readonly KeptLetter[]): string {
  const rows = kept.map(({ id, atMs, points, reason }) => [id, new Date(atMs).toISOString(), String(points), reason]);
  return textTable([['letter', 'since', 'points', 'reason'], ...rows]);
}

function title({ id, atMs, points, reason }: KeptLetter): string {
  return `${id} since ${new Date(atMs).toISOString()}, ${points} points: ${reason.replace(/\p{Cc}/gu, '?')}`;
}
