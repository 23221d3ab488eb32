import { SondeError } from '../../../../wire/errors.js';

const METRIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
/** Spaces, and comments up to the end of a line. */
const BLANK = /(?:\s|#[^\n]*)*/y;
/** What is shown of the place where something else was expected. */
const FOUND = /[\w:.]+|[^]/uy;

/** Text in quotes up to its end, or to what has to be looked at. */
const PLAIN = { '"': /[^"\\\n]*/y, "'": /[^'\\\n]*/y } as const;

const ESCAPES: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
  '\\': 0x5c,
};
/** Escapes by number: their digits and base. */
const NUMBERED = [
  { pattern: /[0-7]{3}/y, skip: 0, base: 8, isByte: true },
  { pattern: /x[0-9a-fA-F]{2}/y, skip: 1, base: 16, isByte: true },
  { pattern: /u[0-9a-fA-F]{4}/y, skip: 1, base: 16, isByte: false },
  { pattern: /U[0-9a-fA-F]{8}/y, skip: 1, base: 16, isByte: false },
] as const;

/** Reads the words of a selector, from the left to the right. What is not there is undefined, and nothing is taken. */
export class SelectorReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipBlank();
  }

  isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    this.#skipBlank();
    return true;
  }

  metricName(): Word | undefined {
    return this.#word(METRIC_NAME);
  }

  labelName(): Word | undefined {
    return this.#word(LABEL_NAME);
  }

  operator(): Word | undefined {
    return this.#word(OPERATOR);
  }

  /** A text in `"`, `'` or backquotes, without its escapes, which are Go's. */
  quoted(): Word | undefined {
    const at = this.#at;
    const quote = this.#text[at];
    if (quote !== '"' && quote !== "'" && quote !== '`') return undefined;
    this.#at++;
    const text = quote === '`' ? this.#raw(at) : this.#escaped(quote, at);
    this.#skipBlank();
    return { text, at };
  }

  /** What is wrong at this place, or at the word given. */
  fault(what: string, word?: Word): SondeError {
    const at = word?.at ?? this.#at;
    FOUND.lastIndex = at;
    const found = word === undefined ? `, found ${FOUND.exec(this.#text)?.[0] ?? 'the end'}` : '';
    const text = this.#text.replaceAll(/\s/g, ' ');
    const message = `match[] at character ${at + 1}: ${what}${found}\n  ${text}\n  ${' '.repeat(at)}^`;
    return new SondeError('SELECTOR', message, { stage: 'serve' });
  }

  #word(pattern: RegExp): Word | undefined {
    const at = this.#at;
    const text = this.#match(pattern);
    if (text === undefined) return undefined;
    this.#skipBlank();
    return { text, at };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#text)?.[0];
    this.#at += text?.length ?? 0;
    return text;
  }

  #skipBlank(): void {
    this.#match(BLANK);
  }

  #raw(begin: number): string {
    const end = this.#text.indexOf('`', this.#at);
    if (end < 0) throw this.#unterminated(begin);
    const text = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #escaped(quote: '"' | "'", begin: number): string {
    // Bytes, because an escape can be a part of a character.
    const parts: Uint8Array[] = [];
    for (;;) {
      parts.push(Buffer.from(this.#match(PLAIN[quote])!));
      const char = this.#text[this.#at++];
      if (char === quote) return Buffer.concat(parts).toString();
      if (char !== '\\') throw this.#unterminated(begin);
      parts.push(this.#escape(quote));
    }
  }

  #escape(quote: string): Uint8Array {
    const escape: Word = { text: '\\', at: this.#at - 1 };
    const char = this.#text[this.#at] ?? '';
    const byte = char === quote ? quote.charCodeAt(0) : ESCAPES[char];
    if (byte !== undefined) {
      this.#at++;
      return Uint8Array.of(byte);
    }
    for (const { pattern, skip, base, isByte } of NUMBERED) {
      const digits = this.#match(pattern);
      if (digits === undefined) continue;
      const value = Number.parseInt(digits.slice(skip), base);
      if (isByte ? value > 0xff : value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        throw this.fault(`\\${digits} is no character`, escape);
      return isByte ? Uint8Array.of(value) : Buffer.from(String.fromCodePoint(value));
    }
    throw this.fault(`\\${char} is no escape; a backslash itself is written \\\\`, escape);
  }

  #unterminated(begin: number): SondeError {
    return this.fault('the quotes are not closed', { text: '', at: begin });
  }
}

/** A word, and where it begins. */
export interface Word {
  readonly text: string;
  readonly at: number;
}
