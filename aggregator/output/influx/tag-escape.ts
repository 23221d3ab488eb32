import { LabelWriter } from '../../series/label-writer.js';

const NO_NAME = new Uint8Array();
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const SPACE = 0x20;
const EQUALS = 0x3d;
const LETTER_N = 0x6e;
/** Behind a backslash that ends a value: a plain one would escape, in a tag, the separator that follows. */
const AFTER_LAST = Buffer.from('x5c');
/** Bytes that one byte of a label text becomes at most: `\\` before the closing quote is `\\x5c` in a field. */
export const MAX_GROWTH = 3;

/** Where a value is written to. */
export type Place = 'tag' | 'field';

/**
 * Writes one value of a label text, `text[from … to)` between its quotes, as InfluxDB is to store it, escaped for its place;
 * returns the position behind it. What is stored: newline → `\n`, backslash → `\\`, a backslash at the end → `\x5c`, all else as
 * it is. So no two values become the same.
 */
export function writeValue(
  out: Uint8Array,
  at: number,
  text: Uint8Array,
  from: number,
  to: number,
  place: Place,
): number {
  for (let i = from; i < to; i++) {
    const byte = text[i]!;
    if (byte === BACKSLASH) at = writeEscaped(out, at, text[++i]!, i + 1 === to, place);
    else {
      if (place === 'tag' && (byte === COMMA || byte === SPACE || byte === EQUALS)) out[at++] = BACKSLASH;
      out[at++] = byte;
    }
  }
  return at;
}

/** Where the value that begins at `from` of a label text ends: its closing quote. */
export function closingQuote(text: Uint8Array, from: number): number {
  let i = from;
  while (text[i] !== QUOTE) i += text[i] === BACKSLASH ? 2 : 1;
  return i;
}

/** @param byte what stands behind a backslash of the label text: a backslash, a quote, or n for a newline. */
function writeEscaped(out: Uint8Array, at: number, byte: number, isLast: boolean, place: Place): number {
  if (byte === QUOTE) {
    if (place === 'field') out[at++] = BACKSLASH;
    out[at++] = QUOTE;
    return at;
  }
  at = writeBackslash(out, at, place);
  if (byte === LETTER_N) out[at++] = LETTER_N;
  else if (isLast) for (const character of AFTER_LAST) out[at++] = character;
  else at = writeBackslash(out, at, place);
  return at;
}

/** One backslash of what is stored: a string field has it escaped, a tag as it is. */
function writeBackslash(out: Uint8Array, at: number, place: Place): number {
  if (place === 'field') out[at++] = BACKSLASH;
  out[at++] = BACKSLASH;
  return at;
}

/** The same of a value that is no part of a label text, such as a host's name, for a tag; '' stays ''. */
export function writeTagValue(value: string): string {
  const writer = new LabelWriter();
  writer.label(NO_NAME, Buffer.from(value));
  const out = new Uint8Array(writer.length * MAX_GROWTH);
  // Without the closing quote.
  return Buffer.from(out.subarray(0, writeValue(out, 0, writer.bytes, 0, writer.length - 1, 'tag'))).toString();
}
