import type { DeadLetter } from './durable-queue.js';
import type { Answer } from './influx-link.js';
import type { Batch } from './point-buffer.js';

/** What became of a batch. */
export interface Written {
  readonly points: number;
  /** Points that can never be written. */
  readonly dead: readonly DeadLetter[];
  /** What may be written later, and why not now. */
  readonly later: readonly Batch[];
  readonly reason?: string;
  readonly retryAfterMs?: number;
}

const NEWLINE = 0x0a;

/**
 * Writes a batch, and finds out which of its points the server refuses: it is halved until the good lines are written and each
 * bad one stands alone. Points that were written before are written again by that, which changes nothing.
 */
export async function writeBatch(batch: Batch, send: (lines: Buffer) => Promise<Answer>): Promise<Written> {
  const answer = await send(batch.lines);
  if (answer.result === 'written') return { points: batch.points, dead: [], later: [] };
  if (answer.result === 'later') {
    const { reason, retryAfterMs } = answer;
    return { points: 0, dead: [], later: [batch], reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  const reason = answer.result === 'too_large' ? '413 too large' : answer.reason;
  if (batch.points === 1 || isAllRefused(batch, reason)) return { points: 0, dead: [{ ...batch, reason }], later: [] };
  const [first, second] = halve(batch);
  const one = await writeBatch(first, send);
  // What cannot be reached for one half need not be tried for the other.
  if (one.later.length > 0) return { ...one, later: [...one.later, second] };
  const other = await writeBatch(second, send);
  return { ...other, points: one.points + other.points, dead: [...one.dead, ...other.dead] };
}

/** The server says how many it has dropped, for one reason: all of them need no looking for. */
function isAllRefused({ points }: Batch, reason: string): boolean {
  const dropped = /dropped=(\d+)/.exec(reason)?.[1];
  return dropped !== undefined && Number(dropped) === points;
}

/** In two, where possible between two metrics: what a server refuses is mostly all of one. */
export function halve({ lines, points }: Batch): readonly [Batch, Batch] {
  let at = 0;
  let count = 0;
  let best = { at: 0, count: 0, distance: Infinity };
  let metric = '';
  for (let line = 0; line < points; line++) {
    const next = lines
      .subarray(at, at + 256)
      .toString('latin1')
      .split(/[, ]/, 1)[0]!;
    const isBetween = line > 0 && next !== metric;
    // Any place between metrics is better than one within.
    const distance = Math.abs(line - points / 2) + (isBetween ? 0 : points);
    if (line > 0 && distance < best.distance) best = { at, count, distance };
    metric = next;
    at = lines.indexOf(NEWLINE, at) + 1;
    count++;
  }
  return [
    { lines: lines.subarray(0, best.at), points: best.count },
    { lines: lines.subarray(best.at), points: points - best.count },
  ];
}
