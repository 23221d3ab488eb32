/** Milliseconds of each unit that Go's time.ParseDuration knows; both micro signs are in use. */
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);
const PART = /([0-9]+\.?[0-9]*|\.[0-9]+)([a-zµμ]+)/gy;

/**
 * Milliseconds of a duration as Go writes it (`1h30m`, `1.5s`, `100ms`; `0` needs no unit), or null when it is none.
 * Longer than 290 years is none either, as in Go.
 */
export function parseDuration(text: string): number | null {
  const sign = text.startsWith('-') ? -1 : 1;
  const unsigned = text.replace(/^[-+]/, '');
  if (unsigned === '0') return 0;
  if (unsigned.length === 0 || unsigned.length > 100) return null;

  let totalMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < unsigned.length) {
    const match = PART.exec(unsigned);
    const unitMs = UNIT_MS.get(match?.[2] ?? '');
    if (match === null || unitMs === undefined) return null;
    totalMs += Number(match[1]) * unitMs;
  }
  return totalMs < 2 ** 63 / 1e6 ? sign * totalMs : null;
}
