import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { isNestedDeeper } from './nesting.js';
import type { Path } from './path.js';
import { YamlReader, type Position, type ReadProblem } from './yaml-reader.js';

/**
 * Reads YAML as the schema wants it: where it wants text, the scalar's own text counts (`on`, `0x10` and `1.0` stay what
 * they are), where it wants a number or a bool, what Go's YAML takes for one. Only places that the schema knows are read.
 */

/** Far more than any schema has; the parser's stack ends at some 800. */
const MAX_DEPTH = 200;
/** Bytes of a file; the largest in use are below 30 KB, and the parser takes quadratic time for some nonsense. */
export const MAX_FILE_BYTES = 256 * 1024;

export interface YamlReading {
  /** What the schema is to judge; undefined when the text could not be read at all. */
  readonly data: unknown;
  readonly problems: readonly ReadProblem[];
  /** Of a path, or of the nearest thing above it that is in the text. */
  positionOf(path: Path): Position;
}

const START: Position = { line: 1, column: 1 };
const TOO_DEEP = 'is nested too deeply to be read';

/** Never throws. */
export function readYaml(source: string, schema: z.ZodType): YamlReading {
  return readWith(source, (reader, contents) => reader.read(contents, schema, []));
}

/** As {@link readYaml}, for who walks the document himself: `read` gets what the document holds, and gives the data. */
export function readWith(source: string, read: (reader: YamlReader, contents: unknown) => unknown): YamlReading {
  try {
    return readShallow(source, read);
  } catch (error) {
    // Parser and visitors recurse, and deep nesting ends their stack.
    if (!(error instanceof RangeError)) throw error;
    return tooDeep();
  }
}

function readShallow(source: string, read: (reader: YamlReader, contents: unknown) => unknown): YamlReading {
  if (isNestedDeeper(source, MAX_DEPTH)) return tooDeep();
  const lines = new LineCounter();
  // Duplicate keys are found by the reader, in linear time and with their paths.
  const options = { lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
  const document = parseDocument(source, options);
  const syntax = syntaxProblems(document, lines);
  // A text that does not parse says nothing about what was meant: its schema problems would only distract.
  if (document.errors.length > 0) return { data: undefined, problems: syntax, positionOf: () => START };
  const reader = new YamlReader(document, lines);
  const data = read(reader, document.contents);
  return { data, problems: [...syntax, ...reader.problems], positionOf: (path) => reader.positionOf(path) };
}

function tooDeep(): YamlReading {
  return { data: undefined, problems: [{ ...START, path: [], message: TOO_DEEP }], positionOf: () => START };
}

/** One problem a place: the parser's second complaint about the same place follows from the first. */
function syntaxProblems(document: Document, lines: LineCounter): ReadProblem[] {
  const byPlace = new Map<number, ReadProblem>();
  for (const error of [...document.errors, ...document.warnings]) {
    const [offset] = error.pos;
    if (byPlace.has(offset)) continue;
    const { line, col } = lines.linePos(offset);
    byPlace.set(offset, {
      path: [],
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      ...explainSyntax(error.message),
    });
  }
  return [...byPlace.values()];
}

function explainSyntax(message: string): { message: string; hint?: string } {
  const [first = ''] = message.split('\n', 1);
  // The parser recurses, and reports the end of its stack like a fault of the text.
  if (first.startsWith('Maximum call stack')) return { message: TOO_DEEP };
  if (first.startsWith('Source contains multiple documents')) {
    return { message: 'holds more than one YAML document', hint: 'remove the line --- and what follows' };
  }
  return { message: `is not valid YAML: ${first}` };
}
