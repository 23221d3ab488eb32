import type { BpfMap, BpfProgram } from '../../native/types.js';
import { mapsOf } from './probe.js';

/** These programs, and all of the object that they can get to by tail calls, through the arrays that the object has filled. */
export function withTailCalls(
  attached: readonly BpfProgram[],
  loaded: readonly BpfProgram[],
  maps: readonly BpfMap[],
): Set<BpfProgram> {
  const arrays = maps.filter(({ type }) => type === 'prog_array');
  if (arrays.length === 0) return new Set(attached);
  const programs = new Map(loaded.map((program) => [program.info().id, program]));
  const reached = new Set(attached);
  // A set that grows while it is walked is walked to its end.
  for (const program of reached) {
    const used = mapsOf([program]);
    for (const id of arrays.filter((array) => used.has(array.id)).flatMap(entriesOf)) {
      const next = programs.get(id);
      if (next !== undefined) reached.add(next);
    }
  }
  return reached;
}

/** Ids of the programs in an array of them. */
function entriesOf(array: BpfMap): number[] {
  return Array.from({ length: array.maxEntries }, (_, index) => {
    const id = array.lookup(new Uint8Array(new Uint32Array([index]).buffer));
    return id === null ? 0 : new Uint32Array(Uint8Array.from(id).buffer)[0]!;
  });
}
