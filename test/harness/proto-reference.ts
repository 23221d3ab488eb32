import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomInteger } from '../../lib/random.js';
import { packageRoot } from './root.js';

interface Field {
  /** As JavaScript has it. */
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly kind: 'single' | 'repeated' | 'map';
  readonly oneof: string | undefined;
}

type Message = Record<string, unknown>;

/** A message, and one of the encodings that the protobuf specification allows for it. */
export interface Encoded {
  readonly value: Message;
  readonly bytes: Buffer;
}

const MESSAGE = /^message (\w+) \{\n([\s\S]*?)^\}/gm;
const FIELD = /^\s*(?:(repeated) )?(map<string, string>|\w+) (\w+) = (\d+);|^\s*oneof (\w+) \{|^\s*(\})/gm;
/** Numbers that no released field will have. */
const UNKNOWN_FROM = 100_000;
const EDGES = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
const CHARACTERS = ['a', '\0', '"', '\\', '\n', 'é', '€', '😀', '\u2028'];

/** Messages of `wire/frame.proto`, encoded by the text of that file and the rules of protobuf, and nothing of ours or of a library. */
export class ProtoReference {
  readonly #messages = new Map<string, readonly Field[]>();

  constructor(text = readFileSync(join(packageRoot(), 'wire', 'frame.proto'), 'utf8')) {
    for (const [, name, body] of text.matchAll(MESSAGE)) this.#messages.set(name!, fieldsOf(body!));
  }

  /** Random values in every field, `fixed` in those that it names; fields in random order, among some that nobody knows. */
  random(type: string, random: () => number, fixed: Message = {}, depth = 0): Encoded {
    const value: Message = {};
    const parts: Buffer[] = [];
    const chosen = new Map<string, number>();
    const fields = this.#messages.get(type)!;
    for (const { oneof, number } of shuffled(fields, random)) if (oneof !== undefined) chosen.set(oneof, number);
    for (const field of fields) {
      const { name, number, oneof } = field;
      if (oneof !== undefined && chosen.get(oneof) !== number) continue;
      const { value: own, bytes } =
        name in fixed
          ? encodedSingle(field, encodeScalar(field.type, fixed[name]), fixed[name])
          : this.#randomField(field, random, depth);
      parts.push(...bytes);
      if (oneof !== undefined) value[oneof] = { case: name, value: own };
      else if (own !== undefined) value[name] = own;
    }
    if (random() < 0.3) parts.push(unknownField(random));
    return { value, bytes: Buffer.concat(shuffled(parts, random)) };
  }

  #randomField(field: Field, random: () => number, depth: number): { value: unknown; bytes: Buffer[] } {
    const { type, kind, number } = field;
    // Types of members have types, of members.
    const count = depth > 3 && this.#messages.has(type) ? 0 : randomInteger(random, 4);
    if (kind === 'map') return randomMap(number, count, random);
    if (kind === 'repeated') {
      const elements = Array.from({ length: count }, () => this.#randomValue(type, random, depth));
      const bytes = elements.map(({ payload }) => payload);
      const value = elements.map((element) => element.value);
      if (!isPackable(type)) return { value, bytes: sequence(bytes.map((one) => tagged(field, one))) };
      const isPacked = random() < 0.8;
      return {
        value,
        bytes: isPacked ? [withLength(number, Buffer.concat(bytes))] : sequence(bytes.map((one) => tagged(field, one))),
      };
    }
    const isPresent = field.oneof !== undefined || count > 0;
    if (!isPresent) return { value: this.#messages.has(type) ? undefined : defaultOf(type), bytes: [] };
    const { value, payload } = this.#randomValue(type, random, depth);
    return encodedSingle(field, payload, value);
  }

  #randomValue(type: string, random: () => number, depth: number): { value: unknown; payload: Buffer } {
    if (this.#messages.has(type)) {
      const { value, bytes } = this.random(type, random, {}, depth + 1);
      return { value, payload: bytes };
    }
    const value = randomScalar(type, random);
    return { value, payload: encodeScalar(type, value) };
  }
}

function fieldsOf(body: string): Field[] {
  const fields: Field[] = [];
  let oneof: string | undefined;
  for (const [, repeated, type, name, number, begins, ends] of body.matchAll(FIELD)) {
    if (begins !== undefined || ends !== undefined) oneof = begins;
    else
      fields.push({
        name: name!.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
        number: Number(number),
        type: type!,
        kind: type!.startsWith('map<') ? 'map' : repeated === undefined ? 'single' : 'repeated',
        oneof,
      });
  }
  return fields;
}

function encodedSingle(field: Field, payload: Buffer, value: unknown): { value: unknown; bytes: Buffer[] } {
  return { value, bytes: [tagged(field, payload)] };
}

/** Elements must stay in order; what lies between them must not matter, but a shuffle of single parts would. */
function sequence(parts: readonly Buffer[]): Buffer[] {
  return parts.length === 0 ? [] : [Buffer.concat(parts)];
}

function randomMap(number: number, count: number, random: () => number): { value: unknown; bytes: Buffer[] } {
  const value: Record<string, string> = {};
  for (let i = 0; i < count; i++) value[`${i}${randomText(random)}`] = randomText(random);
  const bytes = Object.entries(value).map(([key, text]) =>
    withLength(
      number,
      Buffer.concat(shuffled([withLength(1, Buffer.from(key)), withLength(2, Buffer.from(text))], random)),
    ),
  );
  return { value, bytes };
}

function unknownField(random: () => number): Buffer {
  const number = UNKNOWN_FROM + randomInteger(random, 1000);
  const bytes = randomBytes(random);
  return random() < 0.5 ? withLength(number, bytes) : Buffer.concat([tag(number, 0), varint(randomU64(random))]);
}

function isPackable(type: string): boolean {
  return type === 'fixed64';
}

function defaultOf(type: string): unknown {
  if (type === 'string') return '';
  if (type === 'bytes') return new Uint8Array();
  if (type === 'bool') return false;
  return type === 'uint32' ? 0 : 0n;
}

function randomScalar(type: string, random: () => number): unknown {
  if (type === 'string') return randomText(random);
  if (type === 'bytes') return randomBytes(random);
  if (type === 'bool') return random() < 0.5;
  const bits = randomU64(random);
  if (type === 'uint32') return Number(BigInt.asUintN(32, bits));
  return type === 'sint64' ? BigInt.asIntN(64, bits) : bits;
}

function encodeScalar(type: string, value: unknown): Buffer {
  switch (type) {
    case 'string':
      return Buffer.from(value as string);
    case 'bytes':
      return Buffer.from(value as Uint8Array);
    case 'bool':
      return varint(value === true ? 1n : 0n);
    case 'uint32':
      return varint(BigInt(value as number));
    case 'uint64':
      return varint(value as bigint);
    case 'sint64': {
      const signed = value as bigint;
      return varint(BigInt.asUintN(64, (signed << 1n) ^ (signed >> 63n)));
    }
    case 'fixed64': {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(value as bigint);
      return bytes;
    }
    default:
      throw new Error(`frame.proto has a type that the reference does not know: ${type}`);
  }
}

function tagged({ number, type }: Field, payload: Buffer): Buffer {
  if (type === 'fixed64') return Buffer.concat([tag(number, 1), payload]);
  const isNumber = type === 'bool' || /^[us]int\d+$/.test(type);
  return isNumber ? Buffer.concat([tag(number, 0), payload]) : withLength(number, payload);
}

function withLength(number: number, payload: Buffer): Buffer {
  return Buffer.concat([tag(number, 2), varint(BigInt(payload.length)), payload]);
}

function tag(number: number, wireType: 0 | 1 | 2): Buffer {
  return varint((BigInt(number) << 3n) | BigInt(wireType));
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return Buffer.from([...bytes, Number(value)]);
}

function randomU64(random: () => number): bigint {
  if (random() < 0.3) return EDGES[randomInteger(random, EDGES.length)]!;
  const bits = (BigInt(randomInteger(random, 2 ** 32)) << 32n) | BigInt(randomInteger(random, 2 ** 32));
  return bits >> BigInt(randomInteger(random, 64));
}

function randomText(random: () => number): string {
  const length = randomInteger(random, 8);
  return Array.from({ length }, () => CHARACTERS[randomInteger(random, CHARACTERS.length)]!).join('');
}

function randomBytes(random: () => number): Buffer {
  return Buffer.from(Array.from({ length: randomInteger(random, 40) }, () => randomInteger(random, 256)));
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const left = [...list];
  return list.map(() => left.splice(randomInteger(random, left.length), 1)[0]!);
}
