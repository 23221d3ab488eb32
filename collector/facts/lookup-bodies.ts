import type { FrameBody } from '../publish/frame-encoder.js';
import type { LookupKind } from './host-answers.js';

/** Names of a Lookup at most, in bytes; and numbers. */
const MAX_NAME_BYTES = 256 * 1024;
const MAX_IDS = 16_384;

export interface Fact {
  readonly id: bigint;
  readonly name: Uint8Array;
}

/** Facts of one kind as bodies of Lookup frames, none of which is too large. */
export function lookupBodies(kind: LookupKind, facts: readonly Fact[]): FrameBody[] {
  const bodies: FrameBody[] = [];
  let value: { kind: string; ids: bigint[]; names: Uint8Array[] } = { kind, ids: [], names: [] };
  let bytes = 0;
  for (const { id, name } of facts) {
    if (value.ids.length === MAX_IDS || (value.ids.length > 0 && bytes + name.length > MAX_NAME_BYTES)) {
      bodies.push({ case: 'lookup', value });
      value = { kind, ids: [], names: [] };
      bytes = 0;
    }
    value.ids.push(id);
    value.names.push(name);
    bytes += name.length;
  }
  if (value.ids.length > 0) bodies.push({ case: 'lookup', value });
  return bodies;
}
