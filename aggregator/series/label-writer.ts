/** Longest label text of one series, in bytes: a bound for hostile frames, far above any real one. */
const MAX_BYTES = 256 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;
const LETTER_N = 0x6e;
const HEX = Buffer.from('0123456789abcdef');
const REPLACEMENT = [0xef, 0xbf, 0xbd] as const;

/**
 * Builds `a="x",b="y"` in a buffer that is reused. Values are escaped for the exposition, and made valid UTF-8 so that
 * distinct bytes stay distinct: an invalid byte becomes U+FFFD and its two hex digits, and a real U+FFFD is doubled.
 */
export class LabelWriter {
  bytes = new Uint8Array(1024);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /** Appends one label. `name` is `…="` as bytes. Throws RangeError when the text gets longer than any label should be. */
  label(name: Uint8Array, value: Uint8Array): void {
    // At worst a byte becomes five: U+FFFD and two digits.
    this.#reserve(this.length + name.length + value.length * 5 + 2);
    if (this.length > 0) this.bytes[this.length++] = 0x2c;
    this.bytes.set(name, this.length);
    this.length += name.length;
    this.#value(value);
    this.bytes[this.length++] = QUOTE;
  }

  #value(value: Uint8Array): void {
    for (let i = 0; i < value.length;) {
      const byte = value[i]!;
      if (byte < 0x80) {
        this.#ascii(byte);
        i++;
        continue;
      }
      const size = sequenceLength(value, i);
      if (size === 0) {
        this.#put(...REPLACEMENT, HEX[byte >> 4]!, HEX[byte & 15]!);
        i++;
        continue;
      }
      const isReplacement = size === 3 && byte === 0xef && value[i + 1] === 0xbf && value[i + 2] === 0xbd;
      if (isReplacement) this.#put(...REPLACEMENT);
      for (const end = i + size; i < end; i++) this.#put(value[i]!);
    }
  }

  #ascii(byte: number): void {
    if (byte === QUOTE || byte === BACKSLASH) this.#put(BACKSLASH, byte);
    else if (byte === NEWLINE) this.#put(BACKSLASH, LETTER_N);
    else this.#put(byte);
  }

  #put(...bytes: number[]): void {
    for (const byte of bytes) this.bytes[this.length++] = byte;
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    if (length > MAX_BYTES) throw new RangeError(`labels of more than ${MAX_BYTES} bytes`);
    const grown = new Uint8Array(length * 2);
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

/** Length of the well-formed UTF-8 sequence at `at` (RFC 3629: no surrogates, no overlong forms), or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const second = bytes[at + 1] ?? 0;
  if (first >= 0xc2 && first <= 0xdf) return isTail(second) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const lowest = first === 0xe0 ? 0xa0 : 0x80;
    const highest = first === 0xed ? 0x9f : 0xbf;
    return second >= lowest && second <= highest && isTail(bytes[at + 2]) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const lowest = first === 0xf0 ? 0x90 : 0x80;
    const highest = first === 0xf4 ? 0x8f : 0xbf;
    return second >= lowest && second <= highest && isTail(bytes[at + 2]) && isTail(bytes[at + 3]) ? 4 : 0;
  }
  return 0;
}

function isTail(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
