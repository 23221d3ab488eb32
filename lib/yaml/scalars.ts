import type { Scalar } from 'yaml';

/**
 * Scalars as Go's YAML package reads them into a field of a type: the files of ebpf_exporter were written for it. What
 * does not fit is given back as it is, for the schema to refuse.
 */

/** Text as it stands in the file; undefined for null. */
export function textOf(scalar: Scalar): string | undefined {
  if (scalar.value === null) return undefined;
  return scalar.source ?? JSON.stringify(scalar.value);
}

const INTEGER = /^[-+]?(0|[1-9][0-9_]*|0x[0-9a-f][0-9a-f_]*|0o[0-7][0-7_]*|0b[01][01_]*)$/i;
const LEADING_ZERO = /^[-+]?0[0-9]+$/;

/** A number, `1_000`, `0x10`, `0o17` and `0b1` included. `010` is eight to some readers and ten to others: no number. */
export function numberOf(scalar: Scalar): unknown {
  const source = plainSource(scalar);
  if (source === null) return scalar.value ?? undefined;
  if (LEADING_ZERO.test(source)) return source;
  if (INTEGER.test(source)) return Number(bigintOf(source));
  return scalar.value ?? undefined;
}

/** A bool, in YAML 1.1's words too. */
export function booleanOf(scalar: Scalar): unknown {
  const source = plainSource(scalar);
  if (source !== null && /^(y|yes|on|true)$/i.test(source)) return true;
  if (source !== null && /^(n|no|off|false)$/i.test(source)) return false;
  return scalar.value ?? undefined;
}

/**
 * A key of a map from text to text. Integers are their decimal text, because that is what `uint` makes of the kernel's
 * bytes; with leading zeros they are hex bytes, and stay.
 */
export function integerKeyOf(scalar: Scalar): string {
  const source = plainSource(scalar);
  if (source !== null && INTEGER.test(source) && !source.includes('_')) return bigintOf(source).toString();
  return textOf(scalar) ?? scalar.source ?? '';
}

/** Source of an unquoted scalar, null of a quoted one. */
function plainSource(scalar: Scalar): string | null {
  return scalar.type === 'PLAIN' && scalar.source !== undefined ? scalar.source : null;
}

function bigintOf(source: string): bigint {
  const value = BigInt(source.replace(/^[-+]/, '').replaceAll('_', ''));
  return source.startsWith('-') ? -value : value;
}
