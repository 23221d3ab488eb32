import { KeyTable, NONE } from '../../lib/key-table.js';
import type { Field } from '../../wire/layout/fields.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import type { HostAnswers, LookupKind } from './host-answers.js';

/** Numbers remembered of a field as said; beyond, all are forgotten and said again when needed. */
const MAX_SAID = 262_144;
/** Names of a Lookup at most, in bytes; and numbers. */
const MAX_NAME_BYTES = 256 * 1024;
const MAX_IDS = 16_384;
/** How long an answer that the host does not know stands: a module or a disk may come. */
const UNKNOWN_MS = 1000;

/** Word of a number in its table: 0, or when it was found to be unknown, in ticks of UNKNOWN_MS + 1. */
const UNKNOWN_SINCE = 0;

interface Asked {
  readonly kind: LookupKind;
  readonly offset: number;
  readonly size: number;
  /** Numbers that have been said, or asked in vain. */
  said: KeyTable;
  readonly pending: Set<bigint>;
}

/**
 * The facts that the keys or records of one map or buffer need. A number is looked up when it is seen for the first time, and
 * said before the frame that needs it; after {@link renew} it counts as new again. No object a key or record.
 */
export class SourceFacts {
  readonly #fields: readonly Asked[];
  readonly #answers: HostAnswers;
  readonly #now: () => number;
  #tick = 0;
  /** Grows with each {@link renew}. */
  generation = 0;

  /** `now`: a clock that only goes forward, in milliseconds. */
  constructor(fields: readonly Field[], answers: HostAnswers, now: () => number = () => performance.now()) {
    this.#fields = askedOf(fields);
    this.#answers = answers;
    this.#now = now;
  }

  /** Whether anything is looked up here at all. */
  get isNeeded(): boolean {
    return this.#fields.length > 0;
  }

  /** Whether {@link take} has something to say. */
  get isPending(): boolean {
    return this.#fields.some(({ pending }) => pending.size > 0);
  }

  /** Notes what the key at `start` needs. */
  noteKey(keys: Uint8Array, start: number): void {
    this.#tick = this.#ticks();
    for (const field of this.#fields) this.#note(field, keys, start + field.offset);
  }

  /** Notes what records need that lie back to back, each at a multiple of 8. Fields that a record is too short for need nothing. */
  noteRecords(data: Uint8Array, lengths: Uint32Array, count: number): void {
    this.#tick = this.#ticks();
    for (const field of this.#fields) {
      const end = field.offset + field.size;
      let start = 0;
      for (let i = 0; i < count; i++) {
        const length = lengths[i]!;
        if (length >= end) this.#note(field, data, start + field.offset);
        start += (length + 7) & ~7;
      }
    }
  }

  /**
   * Looks up what was noted, and returns it as Lookup bodies, to be handed on at once: it counts as said. What the host does not
   * know is left out: decoding says so.
   */
  async take(): Promise<FrameBody[]> {
    const bodies: FrameBody[] = [];
    for (const field of this.#fields) {
      const ids = [...field.pending];
      const names: (Uint8Array | undefined)[] = [];
      for (const id of ids) names.push(await this.#answers.answer(field.kind, id));
      ids.forEach((id, i) => this.#say(field, id, names[i] !== undefined));
      bodies.push(...lookupsOf(field.kind, ids, names));
    }
    return bodies;
  }

  /** Nothing counts as said any more. */
  renew(): void {
    this.generation++;
    for (const field of this.#fields) field.said = tableOf(field.size);
  }

  #note({ said, size, pending }: Asked, bytes: Uint8Array, at: number): void {
    const id = said.find(said.load(bytes, at), 0);
    if (id !== NONE) {
      const since = said.records[id * said.stride + said.extra + UNKNOWN_SINCE]!;
      if (since === 0 || since === this.#tick) return;
    }
    pending.add(numberAt(bytes, at, size));
  }

  #say(field: Asked, id: bigint, isKnown: boolean): void {
    field.pending.delete(id);
    if (field.said.size >= MAX_SAID) field.said = tableOf(field.size);
    const { said } = field;
    const bytes = new Uint8Array(new BigUint64Array([id]).buffer);
    const words = said.load(bytes, 0);
    const known = said.find(words, 0);
    const number = known === NONE ? said.add(words, 0) : known;
    said.records[number * said.stride + said.extra + UNKNOWN_SINCE] = isKnown ? 0 : this.#ticks();
  }

  #ticks(): number {
    return Math.floor(this.#now() / UNKNOWN_MS) + 1;
  }
}

function askedOf(fields: readonly Field[]): Asked[] {
  const asked = new Map<string, Asked>();
  for (const { offset, size, decoders } of fields) {
    const kind = decoders.find(({ name }) => name === 'ksym' || name === 'majorminor')?.name as LookupKind | undefined;
    if (kind === undefined) continue;
    asked.set(`${kind} ${offset} ${size}`, { kind, offset, size, said: tableOf(size), pending: new Set() });
  }
  return [...asked.values()];
}

function tableOf(size: number): KeyTable {
  return new KeyTable(size, 1);
}

function numberAt(bytes: Uint8Array, at: number, size: number): bigint {
  const number = Buffer.from(bytes.buffer, bytes.byteOffset + at, size);
  return size === 8 ? number.readBigUInt64LE() : BigInt(number.readUIntLE(0, size));
}

function lookupsOf(kind: LookupKind, ids: readonly bigint[], names: readonly (Uint8Array | undefined)[]): FrameBody[] {
  const bodies: FrameBody[] = [];
  let value: { kind: string; ids: bigint[]; names: Uint8Array[] } = { kind, ids: [], names: [] };
  let bytes = 0;
  for (const [i, name] of names.entries()) {
    if (name === undefined) continue;
    if (value.ids.length === MAX_IDS || (value.ids.length > 0 && bytes + name.length > MAX_NAME_BYTES)) {
      bodies.push({ case: 'lookup', value });
      value = { kind, ids: [], names: [] };
      bytes = 0;
    }
    value.ids.push(ids[i]!);
    value.names.push(name);
    bytes += name.length;
  }
  if (value.ids.length > 0) bodies.push({ case: 'lookup', value });
  return bodies;
}
