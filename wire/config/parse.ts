import type { z } from 'zod';
import { explainIssue } from '../../lib/yaml/issues.js';
import { formatPath, type Path } from '../../lib/yaml/path.js';
import { MAX_FILE_BYTES, readYaml, type YamlReading } from '../../lib/yaml/read-yaml.js';
import { ConfigError, type ConfigProblem } from '../errors.js';
import { toProbeConfig } from './convert.js';
import { probeSchema, type ProbeConfig, type ProbeInput } from './schema.js';

/** Problems of one file that are listed; a file that is none at all would otherwise have one a line. */
const MAX_PROBLEMS = 100;
/** Characters of a message or a path, which may quote the text. */
const MAX_SHOWN = 400;

/** Texts whose content is kept: an aggregator gets the same few from each of a thousand hosts. */
const MAX_KEPT = 64;
const MAX_KEPT_CHARACTERS = 64 * 1024;

/** What valid texts hold, the one that was read last at the end. */
const kept = new Map<string, ProbeInput>();

/**
 * Reads one probe's YAML.
 * @param name the config's name: the file's without `.yaml`.
 * @param file how errors call it.
 * @throws {ConfigError} with every problem of the text at once.
 */
export function parseConfig(name: string, file: string, text: string): ProbeConfig {
  const content = kept.get(text) ?? readProbe(file, text);
  keep(text, content);
  return toProbeConfig(name, file, text, content);
}

function keep(text: string, content: ProbeInput): void {
  if (text.length > MAX_KEPT_CHARACTERS) return;
  kept.delete(text);
  kept.set(text, content);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
}

function readProbe(file: string, text: string): ProbeInput {
  if (Buffer.byteLength(text) > MAX_FILE_BYTES) {
    const hint = 'is it the right file?';
    throw new ConfigError([
      { file, path: '', line: 0, column: 0, message: `is larger than ${MAX_FILE_BYTES} bytes`, hint },
    ]);
  }
  const reading = readYaml(text, probeSchema);
  if (reading.data === undefined && reading.problems.length > 0)
    throw new ConfigError(limit(toProblems(file, reading, [])));

  const result = probeSchema.safeParse(reading.data ?? {}, { reportInput: true });
  const problems = toProblems(file, reading, result.error?.issues ?? []);
  if (!result.success || problems.length > 0) throw new ConfigError(limit(problems));
  return result.data;
}

/** Where a path of a config's text is: for problems that are found after parsing. */
export function locator(config: ProbeConfig): (path: Path) => { line: number; column: number } {
  const reading = readYaml(config.yaml, probeSchema);
  return (path) => reading.positionOf(path);
}

/** A problem at a path of a config, with its place in the text. */
export function problemAt(
  config: ProbeConfig,
  place: ReturnType<typeof locator>,
  path: Path,
  message: string,
  hint: string,
  detail = '',
): ConfigProblem {
  const problem = { file: config.file, path: formatPath(path), ...place(path), message, hint };
  return detail === '' ? problem : { ...problem, detail };
}

function toProblems(file: string, reading: YamlReading, issues: readonly z.core.$ZodIssue[]): ConfigProblem[] {
  const explained = issues
    .flatMap((issue) => explainIssue(issue, probeSchema))
    .map((problem) => ({ ...reading.positionOf(problem.path), ...problem }));
  return [...reading.problems, ...explained]
    .map(({ path, line, column, message, hint }) => ({
      file,
      path: clip(formatPath(path)),
      line,
      column,
      message: clip(message),
      ...(hint !== undefined && { hint }),
    }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

function clip(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function limit(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const more = problems.length - MAX_PROBLEMS;
  const last = problems[MAX_PROBLEMS];
  if (more <= 0 || last === undefined) return problems;
  const { file, line, column } = last;
  const rest = { file, path: '', line, column, message: `and ${more} more problems from here on` };
  return [...problems.slice(0, MAX_PROBLEMS), rest];
}
