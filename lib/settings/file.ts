import { isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import { suggest } from '../suggest.js';
import { settingOf } from '../settings.js';
import { readTextFile } from '../read-text-file.js';
import type { Path } from '../yaml/path.js';
import { MAX_FILE_BYTES, readWith } from '../yaml/read-yaml.js';
import { textOf } from '../yaml/scalars.js';
import type { YamlReader } from '../yaml/yaml-reader.js';
import { INPUTS, type Given } from './inputs.js';
import { problemLine, subPath } from './problem.js';

/** What a settings file gives. Keys may be nested (`kafka: {brokers: […]}`), dotted (`kafka.brokers`), or both. */
export interface SettingsFile {
  readonly given: readonly Given[];
  readonly problems: readonly string[];
}

/** What names of settings begin with: `kafka`, `kafka.tls`. */
const GROUPS: ReadonlySet<string> = new Set(
  [...INPUTS.keys()].flatMap((name) => {
    const parts = name.split('.');
    return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'));
  }),
);

/** Reads a settings file. Never rejects: what cannot be read is a problem. */
export async function readSettingsFile(file: string): Promise<SettingsFile> {
  const text = await readTextFile(file, MAX_FILE_BYTES);
  if (typeof text !== 'string') return { given: [], problems: [problemLine(file, text.message, text.hint)] };
  return parseSettings(file, text);
}

export function parseSettings(file: string, text: string): SettingsFile {
  const found: Found[] = [];
  const reading = readWith(text, (reader, contents) => new Walk(reader, found).document(contents));
  const at = (path: Path): string => {
    const { line, column } = reading.positionOf(path);
    const [name = '', ...rest] = path;
    return `${file}:${line}:${column}${name === '' ? '' : `: ${name}${subPath(rest)}`}`;
  };
  return {
    given: found.map(({ name, content }) => ({
      input: INPUTS.get(name)!,
      from: `${file}:${reading.positionOf([name]).line}`,
      content,
      place: (path) => at([name, ...path]),
    })),
    problems: reading.problems.map(({ path, line, column, message, hint }) => {
      const [name, ...rest] = path;
      return problemLine(
        `${file}:${line}:${column}${name === undefined ? '' : `: ${name}${subPath(rest)}`}`,
        message,
        hint,
      );
    }),
  };
}

interface Found {
  readonly name: string;
  readonly content: Given['content'];
}

/** Goes through the groups of a document down to its settings. Paths have a setting's whole name as their first part. */
class Walk {
  readonly #reader: YamlReader;
  readonly #found: Found[];
  readonly #lines = new Map<string, number>();

  constructor(reader: YamlReader, found: Found[]) {
    this.#reader = reader;
    this.#found = found;
  }

  document(contents: unknown): void {
    if (isMap(contents)) this.#map(contents, '');
    else if (contents !== null && !(isScalar(contents) && contents.value === null))
      this.#reader.reportAt(
        contents,
        [],
        'holds no settings',
        'write NAME: VALUE lines, such as kafka.brokers: kafka-1:9092',
      );
  }

  #map(map: YAMLMap, prefix: string): void {
    for (const pair of map.items) this.#pair(pair, prefix);
  }

  #pair(pair: Pair, prefix: string): void {
    const key = isScalar(pair.key) ? textOf(pair.key) : undefined;
    if (key === undefined) {
      const path = prefix === '' ? [] : [prefix.slice(0, -1)];
      return this.#reader.reportAt(pair.key, path, 'has a key that is no text', 'write a name');
    }
    const name = prefix + key;
    if (isMap(pair.value) && GROUPS.has(name)) return this.#map(pair.value, `${name}.`);
    if (!INPUTS.has(name)) return this.#unknown(pair, name);
    this.#reader.place([name], pair.key);
    const first = this.#lines.get(name);
    if (first !== undefined)
      return this.#reader.reportAt(pair.key, [name], `is given twice, first on line ${first}`, 'remove one');
    this.#lines.set(name, this.#reader.positionOf([name]).line);
    const content = this.#content(pair.value, name);
    if (content !== undefined) this.#found.push({ name, content });
  }

  /** Undefined for null, which is the same as leaving it out. */
  #content(node: unknown, name: string): Given['content'] | undefined {
    const { setting, isFile } = INPUTS.get(name)!;
    const target = this.#reader.resolve(node, [name]);
    if (target === undefined || target === null) return undefined;
    if (isScalar(target)) {
      const text = textOf(target);
      return text === undefined ? undefined : { text };
    }
    if (isFile) {
      this.#reader.reportAt(node, [name], 'is no name of a file', 'write one');
      return undefined;
    }
    return { data: this.#reader.read(node, settingOf(setting).kind.schema, [name]) };
  }

  #unknown(pair: Pair, name: string): void {
    if (GROUPS.has(name)) {
      const example = [...INPUTS.keys()].find((input) => input.startsWith(`${name}.`));
      return this.#reader.reportAt(
        pair.key,
        [name],
        'is no setting but a group of them',
        `write what is in it, such as ${example}`,
      );
    }
    const nearest = suggest(name, [...INPUTS.keys(), ...GROUPS]);
    const hint = nearest === undefined ? 'sonde settings lists them all' : `did you mean ${nearest}?`;
    this.#reader.reportAt(pair.key, [name.slice(0, 100)], 'is no setting', hint);
  }
}
