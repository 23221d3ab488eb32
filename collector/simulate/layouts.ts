import { byteOffset, type MemberLayout, type TypeLayout } from '../../wire/layout/type-layout.js';

/** Shapes of C types as an object's BTF has them. */

const PLAIN = { signed: false, length: 0, element: [], members: [], values: [] } as const;

export const U8: TypeLayout = { ...PLAIN, kind: 'int', name: 'u8', size: 1 };
export const U32: TypeLayout = { ...PLAIN, kind: 'int', name: 'u32', size: 4 };
export const S32: TypeLayout = { ...PLAIN, kind: 'int', name: 's32', size: 4, signed: true };
export const U64: TypeLayout = { ...PLAIN, kind: 'int', name: 'u64', size: 8 };
const CHAR: TypeLayout = { ...PLAIN, kind: 'char', name: 'char', size: 1, signed: true };

export function chars(length: number): TypeLayout {
  return { ...PLAIN, kind: 'array', name: '', size: length, length, element: [CHAR] };
}

/** A packed struct: its members follow each other without padding. */
export function struct(name: string, members: Readonly<Record<string, TypeLayout>>): TypeLayout {
  const placed: MemberLayout[] = [];
  for (const [member, type] of Object.entries(members)) {
    const last = placed.at(-1);
    const offset = last === undefined ? 0 : byteOffset(last) + last.type.size;
    placed.push({ name: member, bitOffset: offset * 8, bitSize: type.size * 8, type });
  }
  const size = placed.reduce((sum, { type }) => sum + type.size, 0);
  return { ...PLAIN, kind: 'struct', name, size, members: placed };
}
