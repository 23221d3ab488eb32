/**
 * Shape of a kernel type, from the object's BTF: the wire's own, the same as the addon's (a test holds them together) and
 * as `TypeLayout` in `frame.proto`.
 */
export interface TypeLayout {
  readonly kind: 'void' | 'int' | 'bool' | 'char' | 'float' | 'enum' | 'pointer' | 'array' | 'struct' | 'union';
  /** Name in the C source without `struct`/`enum`; '' when anonymous. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Integers and enums. */
  readonly signed: boolean;
  /** Arrays: number of elements. */
  readonly length: number;
  /** Arrays: one entry, the element type. Otherwise empty. */
  readonly element: readonly TypeLayout[];
  /** Structs and unions. */
  readonly members: readonly MemberLayout[];
  /** Enums. */
  readonly values: readonly EnumValue[];
}

export interface MemberLayout {
  readonly name: string;
  readonly bitOffset: number;
  /** Bits; size * 8 unless it is a bit-field. */
  readonly bitSize: number;
  readonly type: TypeLayout;
}

export interface EnumValue {
  readonly name: string;
  readonly value: bigint;
}

/** Nested types are described this deep; kernel keys are flatter. */
const MAX_DEPTH = 8;

/** Bytes of the containing type before the member; for a bit-field, before the byte it starts in. */
export function byteOffset(member: MemberLayout): number {
  return Math.floor(member.bitOffset / 8);
}

export function isBitField(member: MemberLayout): boolean {
  return member.bitOffset % 8 !== 0 || member.bitSize !== member.type.size * 8;
}

/** A type in a word or two: `struct key_t`, `char[16]`, `u32`. */
export function typeText(type: TypeLayout): string {
  switch (type.kind) {
    case 'array':
      return `${type.element[0] === undefined ? '?' : typeText(type.element[0])}[${type.length}]`;
    case 'struct':
    case 'union':
    case 'enum':
      return type.name === '' ? type.kind : `${type.kind} ${type.name}`;
    default:
      return type.name === '' ? type.kind : type.name;
  }
}

/** A type, a line a member: offset, size, name, type; members of members are indented. */
export function describeLayout(layout: TypeLayout): string {
  const lines = [`${typeText(layout)}, ${layout.size} ${layout.size === 1 ? 'byte' : 'bytes'}`];
  describeMembers(layout, 0, 1, lines);
  return lines.join('\n');
}

function describeMembers(layout: TypeLayout, base: number, depth: number, lines: string[]): void {
  if (depth > MAX_DEPTH) return;
  for (const member of layout.members) {
    const offset = base + byteOffset(member);
    const size = isBitField(member) ? `${member.bitSize}b` : String(member.type.size);
    const name = member.name === '' ? '(unnamed)' : member.name;
    lines.push(
      `${'  '.repeat(depth)}${String(offset).padStart(4)} ${size.padStart(4)}  ${name}: ${typeText(member.type)}`,
    );
    describeMembers(member.type, offset, depth + 1, lines);
  }
}
