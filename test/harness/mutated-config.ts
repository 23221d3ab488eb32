import { isMap, isPair, isScalar, parseDocument, visit, type Pair } from 'yaml';

/** Configs that are broken in ways that a seed chooses. */

export type Random = (below: number) => number;

/** mulberry32: the same numbers for the same seed, everywhere. */
export function random(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

const VALUES = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  '',
  'x',
  '\0',
  '__proto__',
  [],
  [null],
  {},
  { a: [] },
  [[[[]]]],
];

/** Keys of a document, everywhere in it. */
export function keyCount(text: string): number {
  return pairsOf(parseDocument(text, { uniqueKeys: false })).length;
}

/** Drops, renames or retypes a key of the document; `key`: which, left out: some. */
export function mutateTree(text: string, next: Random, key?: number): string {
  const document = parseDocument(text, { uniqueKeys: false });
  const pairs = pairsOf(document);
  const pair = pairs[key ?? next(pairs.length)];
  if (pair === undefined) return text;
  const action = next(3);
  if (action === 0) {
    visit(document, {
      Map: (_, map) => {
        if (isMap(map)) map.items = map.items.filter((item) => item !== pair);
      },
    });
  } else if (action === 1 && isScalar(pair.key)) pair.key = document.createNode(`${String(pair.key.value)}${next(10)}`);
  else pair.value = document.createNode(VALUES[next(VALUES.length)]);
  try {
    return document.toString();
  } catch {
    // The change took an anchor away that an alias needs; such texts come from mutateText.
    return text;
  }
}

function pairsOf(document: ReturnType<typeof parseDocument>): Pair[] {
  const pairs: Pair[] = [];
  visit(document, (_, node) => {
    if (isPair(node)) pairs.push(node);
  });
  return pairs;
}

/** Gives a key another value of its kind, such as a slip of the hand would: another number, or a name of something else. */
export function mutateValue(text: string, next: Random): string {
  const document = parseDocument(text, { uniqueKeys: false });
  const scalars = pairsOf(document).flatMap(({ value }) => (isScalar(value) ? [value] : []));
  const scalar = scalars[next(scalars.length)];
  if (scalar === undefined) return text;
  if (typeof scalar.value === 'number') scalar.value = [scalar.value + 1, scalar.value * 2, 4, 8][next(4)];
  else scalar.value = next(2) === 0 ? `${String(scalar.value)}x` : scalars[next(scalars.length)]!.value;
  return document.toString();
}

/** Truncates the text, or spoils some of its bytes. */
export function mutateText(text: string, next: Random): string {
  if (next(3) === 0) return text.slice(0, next(text.length));
  const bytes = Buffer.from(text);
  for (let i = next(8) + 1; i > 0; i--) bytes[next(bytes.length)] = next(2) === 0 ? next(256) : 32 + next(95);
  return bytes.toString('utf8');
}
