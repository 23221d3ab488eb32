import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { z } from 'zod';
import { definitionOf, type Definition } from './definition.js';
import { booleanOf, integerKeyOf, numberOf, textOf } from './scalars.js';
import type { Path } from './rules.js';

/**
 * Reads YAML as the schema wants it: where it wants text, the scalar's own text counts (`on`, `0x10` and `1.0` stay what
 * they are), where it wants a number or a bool, what Go's YAML takes for one. Only places that the schema knows are read.
 */

/** Bytes of a file; the largest in use are below 30 KB. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Nodes read, aliases expanded: bounds what a few nested aliases can become. */
const MAX_NODES = 200_000;
/** Merge keys (`<<`) of merged maps. */
const MAX_MERGE_DEPTH = 10;

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface ReadProblem extends Position {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

export interface YamlReading {
  /** What the schema is to judge; undefined when the text could not be read at all. */
  readonly data: unknown;
  readonly problems: readonly ReadProblem[];
  /** Of a path, or of the nearest thing above it that is in the text. */
  positionOf(path: Path): Position;
}

/** Never throws. */
export function readYaml(source: string, schema: z.ZodType): YamlReading {
  const lines = new LineCounter();
  const document = parseOrNull(source, lines);
  if (document === null) {
    const start = { line: 1, column: 1 };
    const message = 'is nested too deeply to be read';
    return { data: undefined, problems: [{ ...start, path: [], message }], positionOf: () => start };
  }
  const reader = new Reader(document, lines);
  const syntax = syntaxProblems(document, lines);
  const positionOf = (path: Path): Position => reader.positionOf(path);
  // A text that does not parse says nothing about what was meant: its schema problems would only distract.
  if (document.errors.length > 0) return { data: undefined, problems: syntax, positionOf };
  const data = reader.read(document.contents, schema, []);
  return { data, problems: [...syntax, ...reader.problems], positionOf };
}

function parseOrNull(source: string, lines: LineCounter): Document | null {
  try {
    // Duplicate keys are found below, in linear time and with their paths.
    return parseDocument(source, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    // The parser recurses, and deep nesting ends its stack.
    if (error instanceof RangeError) return null;
    throw error;
  }
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
  if (first.startsWith('Maximum call stack')) return { message: 'is nested too deeply to be read' };
  if (first.startsWith('Source contains multiple documents')) {
    return { message: 'holds more than one YAML document', hint: 'remove the line --- and what follows' };
  }
  return { message: `is not valid YAML: ${first}` };
}

class Reader {
  readonly problems: ReadProblem[] = [];
  private readonly positions = new Map<string, Position>();
  private nodes = 0;

  constructor(
    private readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  positionOf(path: Path): Position {
    for (let length = path.length; length >= 0; length--) {
      const position = this.positions.get(keyOf(path.slice(0, length)));
      if (position !== undefined) return position;
    }
    return { line: 1, column: 1 };
  }

  /** The value at `node` as `schema` wants it; undefined for null, which Go reads as absent. */
  read(node: unknown, schema: z.ZodType, path: Path): unknown {
    if (this.nodes++ >= MAX_NODES) {
      if (this.nodes === MAX_NODES + 1) this.report(path, `has more than ${MAX_NODES} values`, 'use fewer aliases');
      return undefined;
    }
    const target = this.resolve(node, path);
    this.place(path, node);
    const definition = definitionOf(schema);
    if (isMap(target)) return this.readMap(target, definition, path);
    if (isSeq(target)) {
      const { element } = definition;
      return target.items.map((item, index) =>
        element === undefined ? null : (this.read(item, element, [...path, index]) ?? null),
      );
    }
    if (!isScalar(target)) return undefined;
    if (definition.type === 'string' || definition.type === 'enum') return textOf(target);
    if (definition.type === 'number') return numberOf(target);
    if (definition.type === 'boolean') return booleanOf(target);
    return target.value ?? undefined;
  }

  private readMap(map: YAMLMap, definition: Definition, path: Path): unknown {
    const result: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    const own = new Set<string>();
    const merged: Record<string, unknown>[] = [];
    for (const pair of map.items) {
      const name = this.keyText(pair, definition, path);
      if (name === null) continue;
      if (name === '<<' && definition.shape !== undefined) {
        merged.push(...this.readMerges(pair.value, definition, path));
        continue;
      }
      const at = [...path, name];
      if (name === '__proto__') {
        // JavaScript's objects cannot carry it safely; nobody needs it.
        this.problems.push({ path: at, ...this.where(pair.key), message: 'cannot be a key', hint: 'remove it' });
        continue;
      }
      if (own.has(name)) {
        this.place(at, pair.key);
        const first = this.positions.get(keyOf(at));
        this.problems.push({
          path: at,
          ...this.where(pair.key),
          message: `is given twice${onLine(first)}`,
          hint: 'remove one',
        });
        continue;
      }
      own.add(name);
      this.place(at, pair.key);
      const value = this.readValue(pair.value, name, definition, at);
      if (value !== undefined) result[name] = value;
    }
    // What the map itself says wins, then the earlier merge, as YAML's merge keys have it.
    for (const other of merged) {
      for (const [name, value] of Object.entries(other)) if (!own.has(name) && !(name in result)) result[name] = value;
    }
    return { ...result };
  }

  private readValue(node: unknown, name: string, definition: Definition, at: Path): unknown {
    if (definition.valueType !== undefined) return this.read(node, definition.valueType, at) ?? '';
    const schema =
      definition.shape !== undefined && Object.hasOwn(definition.shape, name) ? definition.shape[name] : undefined;
    // An unknown key stays in, so that the schema names it; what it holds does not matter.
    return schema === undefined ? true : this.read(node, schema, at);
  }

  private readMerges(node: unknown, definition: Definition, path: Path, depth = 0): Record<string, unknown>[] {
    const target = this.resolve(node, path);
    if (isMap(target) && this.nodes++ < MAX_NODES && depth < MAX_MERGE_DEPTH) {
      return [this.readMap(target, definition, path) as Record<string, unknown>];
    }
    if (isSeq(target) && depth < 1) {
      return target.items.flatMap((item) => this.readMerges(item, definition, path, depth + 1));
    }
    this.problems.push({
      path: [...path, '<<'],
      ...this.where(node),
      message: 'merges what is no map',
      hint: 'remove it',
    });
    return [];
  }

  private keyText(pair: Pair, definition: Definition, path: Path): string | null {
    const key = this.resolve(pair.key, path);
    if (isScalar(key)) return definition.valueType === undefined ? textOf(key) || '' : integerKeyOf(key);
    this.problems.push({
      path,
      ...this.where(pair.key),
      message: 'has a key that is no text',
      hint: 'write text or a number',
    });
    return null;
  }

  private resolve(node: unknown, path: Path): unknown {
    if (!isAlias(node)) return node;
    const target = node.resolve(this.document);
    if (target === undefined) this.report(path, `uses the alias *${node.source}, which is not set before it`, 'set it');
    return target;
  }

  /** Remembers where a path is: the first thing seen there, which is its key where it has one. */
  private place(path: Path, node: unknown): void {
    const key = keyOf(path);
    if (!this.positions.has(key)) this.positions.set(key, this.where(node));
  }

  private where(node: unknown): Position {
    const offset = (node as Node | null | undefined)?.range?.[0];
    if (offset === undefined) return { line: 1, column: 1 };
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  private report(path: Path, message: string, hint: string): void {
    this.problems.push({ path, ...this.positionOf(path), message, hint });
  }
}

function onLine(position: Position | undefined): string {
  return position === undefined ? '' : `, first on line ${position.line}`;
}

function keyOf(path: Path): string {
  return path.join('\0');
}
