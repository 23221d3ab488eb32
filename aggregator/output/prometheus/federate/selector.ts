import { SondeError } from '../../../../wire/errors.js';
import { Matcher, type MatchOperator } from './matcher.js';
import { SelectorReader } from './selector-reader.js';

/** The label that holds a series' name. */
export const NAME_LABEL = '__name__';

/** What a series has to be: all of it. */
export type Selector = readonly Matcher[];

/**
 * Reads an instant vector selector of PromQL, such as `name{label=~"value"}`.
 * Throws a SondeError `SELECTOR` that says what is wrong, and where.
 */
export function parseSelector(text: string): Selector {
  const reader = new SelectorReader(text);
  const name = reader.metricName();
  const matchers = name === undefined ? [] : [new Matcher(NAME_LABEL, '=', name.text)];
  if (reader.take('{')) matchers.push(...readMatchers(reader, name !== undefined));
  else if (name === undefined) throw reader.fault('expected a metric name or {');
  if (!reader.isAtEnd()) throw reader.fault('expected the end');
  if (matchers.every((matcher) => matcher.matches(''))) {
    const message = `match[] ${text}: it must ask for at least one label that is not empty, such as {__name__=~".+"}`;
    throw new SondeError('SELECTOR', message, { stage: 'serve' });
  }
  return matchers;
}

function readMatchers(reader: SelectorReader, hasName: boolean): Matcher[] {
  const matchers: Matcher[] = [];
  while (!reader.take('}')) {
    matchers.push(readMatcher(reader, hasName));
    if (reader.take(',')) continue;
    if (!reader.take('}')) throw reader.fault('expected , or }');
    break;
  }
  return matchers;
}

function readMatcher(reader: SelectorReader, hasName: boolean): Matcher {
  const label = reader.labelName();
  if (label === undefined) throw reader.fault('expected a label name or }');
  if (label.text === NAME_LABEL && hasName) throw reader.fault('the metric name stands before the { already', label);
  const operator = reader.operator();
  if (operator === undefined) throw reader.fault('expected =, !=, =~ or !~');
  const value = reader.quoted();
  if (value === undefined) throw reader.fault('expected a value in quotes');
  try {
    return new Matcher(label.text, operator.text as MatchOperator, value.text);
  } catch (error) {
    throw reader.fault((error as Error).message, value);
  }
}
