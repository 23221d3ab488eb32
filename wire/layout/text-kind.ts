import type { TypeLayout } from './type-layout.js';

/** What a label without decoders shows of its bytes. */
export type TextKind = 'unsigned' | 'signed' | 'bool' | 'enum' | 'string' | 'hex';

/** The text that a type has by itself; null: none, so that the label must name decoders. */
export function textKind(type: TypeLayout): TextKind | null {
  switch (type.kind) {
    case 'int':
    case 'char':
      if (![1, 2, 4, 8].includes(type.size)) return null;
      return type.signed ? 'signed' : 'unsigned';
    case 'bool':
    case 'enum':
      return type.kind;
    case 'array':
      return type.length === 0 ? null : arrayKind(type.element[0]);
    default:
      return null;
  }
}

function arrayKind(element: TypeLayout | undefined): TextKind | null {
  if (element?.kind === 'char') return 'string';
  return element?.kind === 'int' && element.size === 1 ? 'hex' : null;
}
