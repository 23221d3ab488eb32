import { LabelScan } from '../../../series/label-scan.js';
import type { Matcher } from './matcher.js';
import { NAME_LABEL, type Selector } from './selector.js';

/** What the series of one name and one host have in common. */
export interface SeriesKind {
  readonly name: string;
  /** `a="x",b="y"` of all of them. */
  readonly common: Buffer;
  /** Labels that each has for itself. */
  readonly own: readonly string[];
  /** Values of `le`, of the lines of each series; undefined where there is one without. */
  readonly bounds?: readonly string[];
}

/** What is left to be asked of a series: all of the matchers. */
export interface Condition {
  readonly matchers: readonly Matcher[];
  /** By number of the bound: whether its line is one of those asked for. */
  readonly bounds?: readonly boolean[];
}

const scan = new LabelScan();

/**
 * Answers of the selectors all that is the same for all series of a kind. Returns what is left, one condition a selector that may
 * match; none when there is no series that is asked for.
 */
export function conditionsOf(selectors: readonly Selector[], kind: SeriesKind): Condition[] {
  return selectors.flatMap((selector) => conditionOf(selector, kind) ?? []);
}

function conditionOf(selector: Selector, { name, common, own, bounds }: SeriesKind): Condition | undefined {
  const left: Matcher[] = [];
  const ofBounds: Matcher[] = [];
  for (const matcher of selector) {
    if (matcher.label === NAME_LABEL) {
      if (!matcher.matches(name)) return undefined;
    } else if (own.includes(matcher.label)) left.push(matcher);
    else if (matcher.label === 'le' && bounds !== undefined) ofBounds.push(matcher);
    else if (!matchesIn(matcher, common, 0, common.length)) return undefined;
  }
  if (ofBounds.length === 0) return { matchers: left };
  const asked = bounds!.map((bound) => ofBounds.every((matcher) => matcher.matches(bound)));
  return asked.includes(true) ? { matchers: left, bounds: asked } : undefined;
}

/** Whether the labels in `text[from..to)` are as the condition asks. */
export function satisfies({ matchers }: Condition, text: Buffer, from: number, to: number): boolean {
  for (const matcher of matchers) if (!matchesIn(matcher, text, from, to)) return false;
  return true;
}

function matchesIn(matcher: Matcher, text: Buffer, from: number, to: number): boolean {
  return scan.find(text, from, to, matcher.head)
    ? matcher.matchesText(text, scan.from, scan.to)
    : matcher.matchesText(text, 0, 0);
}
