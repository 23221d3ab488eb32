import { byteOffset, isBitField, typeText, type MemberLayout, type TypeLayout } from './type-layout.js';

/** The bits of a bit-field, within the bytes that it touches. */
export interface BitRange {
  /** As BTF counts: from the lowest bit of the first byte, on a big-endian machine from the highest. */
  readonly offset: number;
  readonly length: number;
}

/** A place in a type: bytes from its start, and what lies there. */
export interface Place {
  readonly offset: number;
  readonly size: number;
  readonly type: TypeLayout;
  /** Of a bit-field: `offset` and `size` are the bytes that it touches. */
  readonly bits?: BitRange;
}

/**
 * Finds `a.b[2].c` in a struct; members of unnamed structs and unions count as the struct's own, as in C.
 * @returns the place, or a sentence that says at which step the path goes wrong.
 */
export function findMember(layout: TypeLayout, path: string): Place | string {
  let place: Place = { offset: 0, size: layout.size, type: layout };
  for (const step of path.split(/\.|(?=\[)/)) {
    const next = step.startsWith('[') ? elementOf(place.type, Number(step.slice(1, -1))) : memberOf(place.type, step);
    if (typeof next === 'string') return next;
    place = { ...next, offset: place.offset + next.offset };
  }
  return place;
}

/** A member's place in its struct. */
export function placeOf(member: MemberLayout): Place {
  const { type, bitOffset, bitSize } = member;
  const offset = byteOffset(member);
  if (!isBitField(member)) return { offset, size: type.size, type };
  const bits = { offset: bitOffset % 8, length: bitSize };
  return { offset, size: Math.ceil((bits.offset + bits.length) / 8), type, bits };
}

function memberOf(type: TypeLayout, name: string): Place | string {
  for (const member of type.members) {
    if (member.name === name) return placeOf(member);
    if (member.name !== '') continue;
    const inner = memberOf(member.type, name);
    if (typeof inner !== 'string') return { ...inner, offset: byteOffset(member) + inner.offset };
  }
  const names = memberNames(type);
  return `${typeText(type)} has no member ${name}${names.length === 0 ? '' : ` (it has ${names.join(', ')})`}`;
}

function elementOf(type: TypeLayout, index: number): Place | string {
  const element = type.element[0];
  if (type.kind !== 'array' || element === undefined) return `${typeText(type)} is no array`;
  if (index >= type.length) return `${typeText(type)} has no element ${index}`;
  return { offset: index * element.size, size: element.size, type: element };
}

function memberNames(type: TypeLayout): string[] {
  return type.members.flatMap((member) => (member.name === '' ? memberNames(member.type) : [member.name]));
}

/** The innermost type that fills exactly these bytes, or null: they are no whole member. */
export function typeAt(layout: TypeLayout, offset: number, size: number): TypeLayout | null {
  for (const member of layout.members) {
    if (isBitField(member)) continue;
    const start = byteOffset(member);
    if (offset < start || offset + size > start + member.type.size) continue;
    const found = typeAt(member.type, offset - start, size);
    if (found !== null) return found;
  }
  const element = layout.element[0];
  if (
    element !== undefined &&
    element.size > 0 &&
    offset < layout.size &&
    (offset % element.size) + size <= element.size
  ) {
    const found = typeAt(element, offset % element.size, size);
    if (found !== null) return found;
  }
  return offset === 0 && size === layout.size ? layout : null;
}

/** Members without members of their own (arrays count as one), with their dotted names. */
export function leavesOf(layout: TypeLayout, base = 0, prefix = ''): { name: string; offset: number; end: number }[] {
  return layout.members.flatMap((member) => {
    const offset = base + byteOffset(member);
    const name = member.name === '' ? prefix : `${prefix}${prefix === '' ? '' : '.'}${member.name}`;
    if (member.type.members.length > 0) return leavesOf(member.type, offset, name);
    const end = base + Math.ceil((member.bitOffset + member.bitSize) / 8);
    return [{ name, offset, end }];
  });
}
