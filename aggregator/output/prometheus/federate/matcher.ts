import { RE2JS, RE2JSSyntaxException } from 're2js';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

/** Characters of a regular expression. */
const MAX_PATTERN_LENGTH = 4096;
/** Steps of a compiled one: a character of a value costs so many at most. */
const MAX_PROGRAM_SIZE = 8192;
/** Values whose answer is remembered, so that one that comes again costs no match. */
const MAX_KNOWN = 10_000;

/** One condition on one label. A label that a series does not have is the empty text. */
export class Matcher {
  readonly label: string;
  /** `label="` as bytes, as it stands in the exposition. */
  readonly head: Uint8Array;
  readonly #isNegated: boolean;
  /** What the value must be, escaped as in the exposition; undefined where there is an expression. */
  readonly #escaped: Uint8Array | undefined;
  readonly #expression: RE2JS | undefined;
  readonly #known = new Map<string, boolean>();

  /** Throws an Error that says what is wrong with a regular expression. */
  constructor(label: string, operator: MatchOperator, value: string) {
    this.label = label;
    this.head = Buffer.from(`${label}="`);
    this.#isNegated = operator.startsWith('!');
    if (operator.endsWith('~')) this.#expression = compile(value);
    else this.#escaped = Buffer.from(escaped(value));
  }

  matches(value: string): boolean {
    const text = Buffer.from(escaped(value));
    return this.matchesText(text, 0, text.length);
  }

  /** Whether the value in `text[from..to)`, escaped as in the exposition, is one of those asked for. */
  matchesText(text: Buffer, from: number, to: number): boolean {
    const isOne =
      this.#escaped === undefined
        ? this.#satisfies(text.toString('utf8', from, to))
        : equal(this.#escaped, text, from, to);
    return isOne !== this.#isNegated;
  }

  #satisfies(text: string): boolean {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const answer = this.#expression!.testExact(text.includes('\\') ? unescaped(text) : text);
    if (this.#known.size < MAX_KNOWN) this.#known.set(text, answer);
    return answer;
  }
}

function compile(pattern: string): RE2JS {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new Error(`a regular expression has ${MAX_PATTERN_LENGTH} characters at most, not ${pattern.length}`);
  let expression: RE2JS;
  try {
    // As in Prometheus since version 3, a dot is any character.
    expression = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    throw new Error(`no regular expression: ${error.message.replace('(?s)', '')}`, { cause: error });
  }
  const steps = expression.programSize();
  if (steps > MAX_PROGRAM_SIZE)
    throw new Error(`the regular expression is too costly: ${steps} steps, and ${MAX_PROGRAM_SIZE} are allowed`);
  return expression;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

function equal(expected: Uint8Array, text: Uint8Array, from: number, to: number): boolean {
  if (expected.length !== to - from) return false;
  for (let i = 0; i < expected.length; i++) if (expected[i] !== text[from + i]) return false;
  return true;
}
