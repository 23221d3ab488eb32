import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  visit,
  type Alias,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { z } from 'zod';
import { definitionOf, type Definition } from './definition.js';
import type { Path } from './path.js';
import { booleanOf, integerKeyOf, numberOf, textOf } from './scalars.js';

/** Nodes read, aliases expanded: bounds what a few nested aliases can become. */
const MAX_NODES = 100_000;
/** Merge keys (`<<`) within merged maps. */
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

/** Walks a document and a schema together, once: gives the data, and remembers where everything is. */
export class YamlReader {
  readonly problems: ReadProblem[] = [];
  private readonly positions = new Map<string, Position>();
  private nodes = 0;
  private mergeDepth = 0;
  private readonly aliases: ReadonlyMap<Alias, Node>;

  constructor(
    document: Document,
    private readonly lines: LineCounter,
  ) {
    this.aliases = resolveAliases(document);
  }

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

  private readMap(map: YAMLMap, definition: Definition, path: Path): Record<string, unknown> {
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
        this.reportAt(pair.key, at, 'cannot be a key', 'remove it');
        continue;
      }
      if (own.has(name)) {
        this.place(at, pair.key);
        const first = this.positions.get(keyOf(at));
        this.reportAt(pair.key, at, `is given twice${onLine(first)}`, 'remove one');
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

  /** What `<<` brings: a map, or a list of maps. */
  private readMerges(node: unknown, definition: Definition, path: Path): Record<string, unknown>[] {
    const target = this.resolve(node, path);
    const sources: unknown[] = isSeq(target) ? target.items : [node];
    return sources.flatMap((source) => {
      const map = this.resolve(source, path);
      if (!isMap(map)) {
        this.reportAt(node, [...path, '<<'], 'merges what is no map', 'remove it');
        return [];
      }
      // A map may merge itself; each level is budgeted like any value.
      if (this.mergeDepth >= MAX_MERGE_DEPTH || this.nodes++ >= MAX_NODES) {
        this.reportAt(node, [...path, '<<'], 'merges too much', 'write the keys out');
        return [];
      }
      this.mergeDepth++;
      const merged = this.readMap(map, definition, path);
      this.mergeDepth--;
      return [merged];
    });
  }

  private keyText(pair: Pair, definition: Definition, path: Path): string | null {
    const key = this.resolve(pair.key, path);
    if (isScalar(key)) return definition.valueType === undefined ? textOf(key) || '' : integerKeyOf(key);
    this.reportAt(pair.key, path, 'has a key that is no text', 'write text or a number');
    return null;
  }

  /** The node itself, or what an alias stands for; undefined, with a problem, when that is nothing. */
  resolve(node: unknown, path: Path): unknown {
    if (!isAlias(node)) return node;
    const target = this.aliases.get(node);
    if (target === undefined) this.report(path, `uses the alias *${node.source}, which is not set before it`, 'set it');
    return target;
  }

  /** Remembers where a path is: the first thing seen there, which is its key where it has one. */
  place(path: Path, node: unknown): void {
    const key = keyOf(path);
    if (!this.positions.has(key)) this.positions.set(key, this.where(node));
  }

  private where(node: unknown): Position {
    const offset = (node as Node | null | undefined)?.range?.[0];
    if (offset === undefined) return { line: 1, column: 1 };
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  reportAt(node: unknown, path: Path, message: string, hint: string): void {
    this.problems.push({ path, ...this.where(node), message, hint });
  }

  private report(path: Path, message: string, hint: string): void {
    this.problems.push({ path, ...this.positionOf(path), message, hint });
  }
}

/** What each alias stands for: the last node before it that has its anchor. One pass; the library searches for each. */
function resolveAliases(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const aliases = new Map<Alias, Node>();
  visit(document, {
    Value: (_, node) => void (node.anchor !== undefined && anchors.set(node.anchor, node)),
    Alias: (_, node) => {
      const target = anchors.get(node.source);
      if (target !== undefined) aliases.set(node, target);
    },
  });
  return aliases;
}

function onLine(position: Position | undefined): string {
  return position === undefined ? '' : `, first on line ${position.line}`;
}

function keyOf(path: Path): string {
  return path.join('\0');
}
