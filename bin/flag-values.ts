import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../lib/duration.js';

/** Milliseconds of a Go duration, from `minMs` on. */
export function durationFrom(minMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms !== null && ms >= minMs) return ms;
    throw new InvalidArgumentError(`write a duration from ${minMs}ms on, such as 500ms, 30s or 10m`);
  };
}

/** Milliseconds since 1970 of RFC 3339 with its zone, or of seconds since 1970. */
export function time(text: string): number {
  const isSeconds = /^\d{1,11}(\.\d{1,3})?$/.test(text);
  const ms = isSeconds ? Number(text) * 1000 : /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(ms)) return Math.round(ms);
  throw new InvalidArgumentError('write a time such as 2026-11-25T10:00:00Z, or seconds since 1970');
}
