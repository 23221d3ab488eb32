import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TypeLayout as LayoutMessage, TypeLayoutSchema } from './gen/frame_pb.js';
import type { TypeLayout } from './layout/type-layout.js';

const KINDS: ReadonlySet<string> = new Set<TypeLayout['kind']>([
  'void',
  'int',
  'bool',
  'char',
  'float',
  'enum',
  'pointer',
  'array',
  'struct',
  'union',
]);

/** A layout as a Manifest carries it. */
export function layoutToMessage(layout: TypeLayout): MessageInitShape<typeof TypeLayoutSchema> {
  return {
    kind: layout.kind,
    name: layout.name,
    size: layout.size,
    signed: layout.signed,
    length: layout.length,
    element: layout.element.map(layoutToMessage),
    members: layout.members.map((member) => ({ ...member, type: layoutToMessage(member.type) })),
    // The bits of a u64 that is beyond what the message can hold.
    values: layout.values.map(({ name, value }) => ({ name, value: BigInt.asIntN(64, value) })),
  };
}

/** The layout in a Manifest; a kind of the future, and a member without a type, are `void`. */
export function layoutFromMessage(message: LayoutMessage): TypeLayout {
  return {
    ...message,
    kind: KINDS.has(message.kind) ? (message.kind as TypeLayout['kind']) : 'void',
    element: message.element.map(layoutFromMessage),
    members: message.members.map((member) => ({
      ...member,
      type: member.type === undefined ? VOID : layoutFromMessage(member.type),
    })),
  };
}

const VOID: TypeLayout = {
  kind: 'void',
  name: '',
  size: 0,
  signed: false,
  length: 0,
  element: [],
  members: [],
  values: [],
};
