import { suggest } from '../../lib/suggest.js';
import type { BpfObject } from '../../native/types.js';

/** What to say of a map that a config names and its object lacks. */
export function noSuchMap(name: string, object: BpfObject): string {
  const names = object.maps.map((map) => map.name);
  const hint = suggest(name, names);
  const there = names.length === 0 ? 'it has no maps' : `it has ${names.join(', ')}`;
  return `no map ${name} in the object (${there})${hint === undefined ? '' : `; did you mean ${hint}?`}`;
}
