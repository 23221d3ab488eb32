import { create, ScalarType, toBinary, type DescField, type Message } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FrameSchema, type Frame } from './gen/frame_pb.js';

/**
 * The bytes of a frame, those that `toBinary` would write. But the columns of the body are copied once, into bytes of the right size;
 * `toBinary` copies them into ever larger blocks, and a collector writes little else.
 */
export function writeFrame(frame: Frame): Uint8Array {
  const { case: name, value } = frame.body;
  if (name === undefined) return toBinary(FrameSchema, frame);
  const field = FrameSchema.field[name];
  const body = bodyParts(field, value);
  const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
  return concat([
    toBinary(FrameSchema, { ...frame, body: { case: undefined } }),
    headOf(field.number, bodyBytes),
    ...body,
  ]);
}

/** In the order of the fields' numbers: what lies before the columns, they themselves, what lies behind. */
function bodyParts({ message }: DescField, body: Message): Uint8Array[] {
  const fields = [...message!.fields].sort((a, b) => a.number - b.number);
  const values = body as unknown as Record<string, unknown>;
  const parts: Uint8Array[] = [];
  let others: DescField[] = [];
  const writeOthers = (): void => {
    if (others.length === 0) return;
    const picked = Object.fromEntries(others.map(({ localName }) => [localName, values[localName]]));
    parts.push(toBinary(message!, create(message!, picked)));
    others = [];
  };
  for (const field of fields) {
    const value = values[field.localName];
    if (!isColumn(field) || !(value instanceof Uint8Array)) others.push(field);
    else if (value.length > 0) {
      writeOthers();
      parts.push(headOf(field.number, value.length), value);
    }
  }
  writeOthers();
  return parts;
}

function isColumn({ fieldKind, scalar }: DescField): boolean {
  return fieldKind === 'scalar' && scalar === ScalarType.BYTES;
}

/** Tag and length before the bytes of a field. */
function headOf(number: number, bytes: number): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(bytes).finish();
}

/** Memory of its own, not a part of Node's pool: a frame may wait long, and be as small as it likes. */
function concat(parts: readonly Uint8Array[]): Uint8Array {
  // No Buffer: whose slice() is a view, which readers of a frame do not expect.
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0)).buffer);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
