const ZERO = 0x30;
const MINUS = 0x2d;
const TWO_32 = 2 ** 32;
/** Below this a u64 fits a double exactly when its upper half is less than 2^21. */
const EXACT_HIGH = 2 ** 21;

/**
 * Writes an unsigned 64-bit integer, given as two 32-bit halves, in decimal; returns the position behind it.
 * Exact for every value. Needs room for 20 bytes.
 */
export function writeU64(out: Uint8Array, at: number, lo: number, hi: number): number {
  if (hi === 0) return writeU32(out, at, lo);
  if (hi >= EXACT_HIGH) return writeText(out, at, ((BigInt(hi) << 32n) | BigInt(lo)).toString());
  const value = hi * TWO_32 + lo;
  const upper = Math.floor(value / 1e9);
  const lower = value - upper * 1e9;
  at = upper < TWO_32 ? writeU32(out, at, upper) : writeText(out, at, String(upper));
  let rest = lower;
  for (let i = at + 8; i >= at; i--) {
    const next = (rest / 10) >>> 0;
    out[i] = ZERO + rest - next * 10;
    rest = next;
  }
  return at + 9;
}

/** The same of a signed one, in two's complement. Needs room for 20 bytes. */
export function writeI64(out: Uint8Array, at: number, lo: number, hi: number): number {
  if (hi < 0x80000000) return writeU64(out, at, lo, hi);
  out[at] = MINUS;
  return writeU64(out, at + 1, -lo >>> 0, (~hi + (lo === 0 ? 1 : 0)) >>> 0);
}

function writeU32(out: Uint8Array, at: number, value: number): number {
  const end = at + digits(value);
  for (let i = end - 1; i >= at; i--) {
    const next = (value / 10) >>> 0;
    out[i] = ZERO + value - next * 10;
    value = next;
  }
  return end;
}

function digits(value: number): number {
  if (value < 100000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : value < 10000 ? 4 : 5;
  return value < 10000000 ? (value < 1000000 ? 6 : 7) : value < 100000000 ? 8 : value < 1000000000 ? 9 : 10;
}

/** Writes ASCII text; returns the position behind it. */
export function writeText(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/**
 * A float as Go's `strconv.FormatFloat(v, 'g', -1, 64)` writes it, which is what Prometheus clients put into `le` and what
 * stored series are named by: shortest digits; from 1e6 up and below 1e-4 with an exponent of at least two digits.
 */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  if (value === 0) return '0';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 6) return plain(mantissa, exponent);
  const size = Math.abs(exponent);
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

function plain(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : '';
  const all = mantissa.replace('-', '').replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${all}`;
  const whole = all.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = all.slice(exponent + 1);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}
