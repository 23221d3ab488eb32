import type { DecoderName, LabelConfig } from '../../../../wire/config/schema.js';
import type { MemberLayout, TypeLayout } from '../../../../wire/layout/type-layout.js';

/** Types as BTF would give them, for tables. */

const NOTHING = { signed: false, length: 0, element: [], members: [], values: [] } as const;

export function int(name: string, size: number, signed = false): TypeLayout {
  return { ...NOTHING, kind: 'int', name, size, signed };
}

export const u8 = int('u8', 1);
export const u16 = int('u16', 2);
export const u32 = int('u32', 4);
export const u64 = int('u64', 8);
export const s32 = int('int', 4, true);
export const char: TypeLayout = { ...NOTHING, kind: 'char', name: 'char', size: 1 };
export const double: TypeLayout = { ...NOTHING, kind: 'float', name: 'double', size: 8, signed: true };

export const bool: TypeLayout = { ...NOTHING, kind: 'bool', name: '_Bool', size: 1 };
export const pointer: TypeLayout = { ...NOTHING, kind: 'pointer', name: '', size: 8 };

export function enumeration(name: string, signed: boolean, values: Readonly<Record<string, bigint>>): TypeLayout {
  const list = Object.entries(values).map(([key, value]) => ({ name: key, value }));
  return { ...NOTHING, kind: 'enum', name, size: 4, signed, values: list };
}

export function array(element: TypeLayout, length: number): TypeLayout {
  return { ...NOTHING, kind: 'array', name: '', size: element.size * length, length, element: [element] };
}

/** Members as [offset in bytes, name, type], or with a bit offset and bits for bit-fields. */
export type Member =
  [number, string, TypeLayout] | { name: string; bitOffset: number; bitSize: number; type: TypeLayout };

export function struct(name: string, size: number, ...members: Member[]): TypeLayout {
  return { ...NOTHING, kind: 'struct', name, size, members: members.map(toMember) };
}

export function union(name: string, size: number, ...members: Member[]): TypeLayout {
  return { ...struct(name, size, ...members), kind: 'union' };
}

function toMember(member: Member): MemberLayout {
  if (!Array.isArray(member)) return member;
  const [offset, name, type] = member;
  return { name, bitOffset: offset * 8, bitSize: type.size * 8, type };
}

/** A label of `size` bytes (undefined: left out) and `padding`. */
export function label(name: string, size?: number, padding = 0, decoder: DecoderName = 'uint'): LabelConfig {
  const decoders = [{ name: decoder, allowUnknown: false, regexps: [] }] as const;
  return size === undefined ? { name, padding, decoders } : { name, size, padding, decoders };
}

/** A label without decoders. */
export function plain(name: string, more: Partial<LabelConfig> = {}): LabelConfig {
  return { name, padding: 0, decoders: [], ...more };
}

export function memberLabel(name: string, member: string): LabelConfig {
  return { ...label(name), member };
}
