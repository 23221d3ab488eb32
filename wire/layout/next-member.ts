import { placeOf, type Place } from './find.js';
import { isBitField, typeText, type MemberLayout, type TypeLayout } from './type-layout.js';

/**
 * The struct's member that a label without `size` takes: the first that begins at bit `cursor` or behind it. Structs without a
 * name are gone into, as in C.
 * @param intoStructs whether those with a name are, too: a label without decoders reads no struct.
 * @returns undefined when none is left, or a word about the member that begins before `cursor` and goes on behind it.
 */
export function nextMember(layout: TypeLayout, cursor: number, intoStructs: boolean): Place | string | undefined {
  for (const member of layout.members) {
    const start = member.bitOffset;
    const end = start + (isBitField(member) ? member.bitSize : member.type.size * 8);
    if (end <= cursor || end === start) continue;
    const isStruct = member.type.kind === 'struct';
    if (start >= cursor && !(isStruct && (intoStructs || member.name === ''))) return placeOf(member);
    if (!isStruct) return `${nameOf(member)} at ${cursor / 8} starts before it, at ${start / 8}`;
    const inner = nextMember(member.type, Math.max(0, cursor - start), intoStructs);
    if (inner !== undefined) return typeof inner === 'string' ? inner : { ...inner, offset: inner.offset + start / 8 };
  }
  return undefined;
}

function nameOf({ name, type }: MemberLayout): string {
  return name === '' ? typeText(type) : name;
}
