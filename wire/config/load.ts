import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextFile, reasonOf } from '../../lib/read-text-file.js';
import { suggest } from '../../lib/suggest.js';
import { MAX_FILE_BYTES } from '../../lib/yaml/read-yaml.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import { crossConfigProblems, folderProblems } from './cross-config.js';
import { parseConfig } from './parse.js';
import type { ProbeConfig } from './schema.js';

/** The folder of configs: which files there are, read and checked together. */

const YAML = '.yaml';
const OBJECT = '.bpf.o';

/**
 * Loads a folder's configs, each `<name>.yaml` beside its `<name>.bpf.o`, by name.
 * @param names those to load, in their order; undefined: every one that does not say `defaults: off`.
 * @throws {ConfigError} with every problem of every file.
 */
export async function loadConfigs(dir: string, names?: readonly string[]): Promise<readonly ProbeConfig[]> {
  const { entries, available, configs: parsed, problems } = await readConfigs(dir, names);
  const configs = names === undefined ? parsed.filter((config) => config.enabledByDefault) : parsed;
  if (configs.length === 0 && problems.length === 0) {
    problems.push(folderProblem(dir, 'every config here says defaults: off', `name one: ${available.join(', ')}`));
  }
  problems.push(...configs.flatMap((config) => missingObjects(config, entries)));
  if (names === undefined) problems.push(...orphanObjects(dir, entries, available, parsed));
  problems.push(...crossConfigProblems(configs));
  if (problems.length > 0) throw new ConfigError(problems);
  return configs;
}

/**
 * Loads a folder's configs without their objects: for frames that were recorded elsewhere.
 * @param names as in {@link loadConfigs}; undefined: every one there is.
 * @throws {ConfigError} with every problem of every file.
 */
export async function loadTexts(dir: string, names?: readonly string[]): Promise<readonly ProbeConfig[]> {
  const { configs, problems } = await readConfigs(dir, names);
  problems.push(...(names === undefined ? folderProblems : crossConfigProblems)(configs));
  if (problems.length > 0) throw new ConfigError(problems);
  return configs;
}

interface FolderReading {
  readonly entries: readonly string[];
  /** Names of all configs there are. */
  readonly available: readonly string[];
  /** Those that were wanted and can be read. */
  readonly configs: readonly ProbeConfig[];
  readonly problems: ConfigProblem[];
}

async function readConfigs(dir: string, names: readonly string[] | undefined): Promise<FolderReading> {
  const entries = await listFolder(dir);
  const available = namesOf(entries);
  const problems = available.length === 0 ? [emptyFolder(dir, entries)] : [];
  const wanted = names === undefined ? available : [...new Set(names)];
  if (names?.length === 0)
    problems.push(folderProblem(dir, 'no config is named', 'name one, or leave the names out for all'));
  for (const name of wanted.filter((one) => !available.includes(one))) {
    // An empty folder has said so already.
    if (available.length > 0) problems.push(unknownName(dir, name, available, entries));
  }
  const parsed = await parseFiles(
    dir,
    wanted.filter((name) => available.includes(name)),
  );
  return { entries, available, configs: parsed.configs, problems: [...problems, ...parsed.problems] };
}

/**
 * Checks every YAML file of a folder, alone and against the others, without objects, kernel or privileges. Empty when all
 * is well.
 */
export async function checkConfigs(dir: string): Promise<readonly ConfigProblem[]> {
  try {
    const entries = await listFolder(dir);
    const available = namesOf(entries);
    if (available.length === 0) return [emptyFolder(dir, entries)];
    const { configs, problems } = await parseFiles(dir, available);
    return [...problems, ...folderProblems(configs)];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

async function listFolder(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    throw new ConfigError([folderProblem(dir, `cannot be read: ${reasonOf(error)}`, 'give a folder of configs')], {
      cause: error,
    });
  }
}

async function parseFiles(
  dir: string,
  names: readonly string[],
): Promise<{ configs: ProbeConfig[]; problems: ConfigProblem[] }> {
  const configs: ProbeConfig[] = [];
  const problems: ConfigProblem[] = [];
  const parsed = await Promise.allSettled(
    names.map(async (name) => {
      const file = join(dir, name + YAML);
      return parseConfig(name, file, await readText(file));
    }),
  );
  for (const result of parsed) {
    if (result.status === 'fulfilled') configs.push(result.value);
    else if (result.reason instanceof ConfigError) problems.push(...result.reason.problems);
    else throw result.reason;
  }
  return { configs, problems };
}

async function readText(file: string): Promise<string> {
  const read = await readTextFile(file, MAX_FILE_BYTES);
  if (typeof read === 'string') return read;
  throw new ConfigError([folderProblem(file, read.message, read.hint)], { cause: read.cause });
}

function missingObjects(config: ProbeConfig, entries: readonly string[]): ConfigProblem[] {
  return objectFiles(config)
    .filter((object) => !entries.includes(object))
    .map((object) =>
      folderProblem(config.file, `${object} is not beside it`, 'build it, or put it into the same folder'),
    );
}

/** Names of the object files that a config may use, beside it. */
export function objectFiles(config: ProbeConfig): string[] {
  const own = config.name + OBJECT;
  const objects = config.variants.map((variant) => variant.object ?? own);
  return [...new Set(objects.length === 0 ? [own] : objects)];
}

function orphanObjects(
  dir: string,
  entries: readonly string[],
  available: readonly string[],
  configs: readonly ProbeConfig[],
): ConfigProblem[] {
  const used = new Set([...configs.flatMap(objectFiles), ...available.map((name) => name + OBJECT)]);
  return entries
    .filter((entry) => entry.endsWith(OBJECT) && !used.has(entry))
    .map((entry) => {
      const yaml = entry.slice(0, -OBJECT.length) + YAML;
      return folderProblem(
        join(dir, entry),
        `${yaml} is not beside it`,
        'add it, remove the object, or choose configs by name',
      );
    });
}

function namesOf(entries: readonly string[]): string[] {
  return entries
    .filter((entry) => entry.endsWith(YAML) && entry.length > YAML.length)
    .map((entry) => entry.slice(0, -YAML.length));
}

function emptyFolder(dir: string, entries: readonly string[]): ConfigProblem {
  const yml = entries.find((entry) => entry.endsWith('.yml'));
  const hint =
    yml === undefined
      ? 'give a folder of NAME.yaml and NAME.bpf.o files'
      : `rename ${yml} to ${yml.slice(0, -4)}${YAML}`;
  return folderProblem(dir, 'holds no config (NAME.yaml)', hint);
}

function unknownName(
  dir: string,
  name: string,
  available: readonly string[],
  entries: readonly string[],
): ConfigProblem {
  if (entries.includes(name + OBJECT)) {
    return folderProblem(
      join(dir, name + OBJECT),
      `${name}${YAML} is not beside it`,
      'add it, or choose another config',
    );
  }
  const nearest = suggest(name, available);
  const hint = nearest === undefined ? `there are ${available.join(', ')}` : `did you mean ${nearest}?`;
  return folderProblem(dir, `has no config ${JSON.stringify(name)}`, hint);
}

function folderProblem(file: string, message: string, hint: string): ConfigProblem {
  return { file, path: '', line: 0, column: 0, message, hint };
}
