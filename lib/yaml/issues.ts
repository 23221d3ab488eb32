import type { z } from 'zod';
import { suggest } from '../suggest.js';
import { definitionOf } from './definition.js';
import type { Path } from './path.js';

/** One thing the schema refused, in our words. */
export interface Explained {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

const WANTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map from text to text',
};
/** Values longer than this are cut in messages. */
const MAX_SHOWN = 60;

/** Makes zod's issue into what is wrong and what to do. One issue may name several keys. `schema`: the one that refused. */
export function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType): Explained[] {
  const path = issue.path as Path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: 'is not a key here',
        hint: keyHint(key, path, schema),
      }));
    case 'invalid_type':
      if (issue.input === undefined || issue.input === null)
        return [{ path, message: 'is missing', hint: `give ${wanted(issue)}` }];
      return [{ path, message: `is ${show(issue.input)}`, hint: typeHint(issue) }];
    case 'invalid_value':
      return [explainValue(path, issue.input, issue.values.map(String))];
    case 'too_small':
      return [explainBound(path, issue.input, `at least ${String(issue.minimum)}`, issue.origin)];
    case 'too_big':
      return [explainBound(path, issue.input, `at most ${String(issue.maximum)}`, issue.origin)];
    case 'invalid_format':
      return [{ path, message: `${show(issue.input)} ${issue.message}` }];
    case 'custom':
      return [explainCustom(path, issue)];
    default:
      return [{ path, message: `${show(issue.input)} does not fit: ${issue.message}` }];
  }
}

function explainValue(path: Path, input: unknown, values: readonly string[]): Explained {
  if (input === undefined || input === null)
    return { path, message: 'is missing', hint: `give one of ${values.join(', ')}` };
  if (typeof input !== 'string')
    return { path, message: `is ${show(input)}`, hint: `it must be one of ${values.join(', ')}` };
  const nearest = suggest(input, values);
  const hint = nearest === undefined ? `use one of ${values.join(', ')}` : `did you mean ${nearest}?`;
  return { path, message: `${show(input)} is not known here`, hint };
}

function explainBound(path: Path, input: unknown, bound: string, origin: string): Explained {
  if (origin === 'string') {
    if (input === '') return { path, message: 'is empty', hint: 'give text' };
    return { path, message: 'is too long', hint: `write ${bound} characters` };
  }
  if (origin === 'array') {
    return {
      path,
      message: Array.isArray(input) && input.length === 0 ? 'is empty' : 'is too long',
      hint: `list ${bound}`,
    };
  }
  return { path, message: `is ${show(input)}`, hint: `it must be ${bound}` };
}

function explainCustom(path: Path, issue: z.core.$ZodIssueCustom): Explained {
  const hint: unknown = issue.params?.['hint'];
  // Rules of ours tell what to do; a check of one value says what is wrong with it.
  if (typeof hint === 'string') return { path, message: issue.message, hint };
  return { path, message: `${show(issue.input)} ${issue.message}` };
}

function typeHint(issue: z.core.$ZodIssueInvalidType): string {
  const digits = typeof issue.input === 'string' && /^[-+]?[0-9]+$/.test(issue.input);
  if (issue.expected === 'number' && digits) return 'write the number without quotes and leading zeros';
  return `it must be ${wanted(issue)}`;
}

function wanted(issue: z.core.$ZodIssueInvalidType): string {
  return WANTED[issue.expected] ?? issue.expected;
}

function keyHint(key: string, path: Path, schema: z.ZodType): string {
  const known = knownKeys(path, schema);
  const nearest = suggest(key, known);
  return nearest === undefined ? `known keys are ${known.join(', ')}` : `did you mean ${nearest}?`;
}

/** Keys that the schema knows at a path. */
function knownKeys(path: Path, schema: z.ZodType): string[] {
  let definition = definitionOf(schema);
  for (const part of path) {
    const next = typeof part === 'number' ? definition.element : definition.shape?.[part];
    if (next === undefined) return [];
    definition = definitionOf(next);
  }
  return Object.keys(definition.shape ?? {});
}

/** A value as a message quotes it. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
