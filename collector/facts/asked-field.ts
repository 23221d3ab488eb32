import { endianness } from 'node:os';
import { hashBytes } from '../../lib/hash.js';
import { KeyTable, NONE } from '../../lib/key-table.js';
import type { Field } from '../../wire/layout/fields.js';
import type { LookupKind } from './host-answers.js';

/** Numbers remembered of a field as said; beyond, all are forgotten and said again when needed. */
const MAX_SAID = 262_144;
/** Numbers that {@link AskedField.askDue} has asked anew at most at a time: the rest has its turn next time. */
const MAX_DUE = 16_384;
const IS_LITTLE_ENDIAN = endianness() === 'LE';
/** Sizes of a number, in bytes. */
const SIZES: readonly number[] = [1, 2, 4, 8];

const ADDRESS_BYTES = 8;

/** Words of a number in its table: from which tick on it is to be asked again, and the hash of what was said. */
const UNTIL = 0;
const HASH = 1;
const FOR_EVER = 0xffffffff;

/** Where numbers lie in a key or record that a decoder asks about. */
export interface AskedPlace {
  readonly offset: number;
  /** Bytes of a number: 1, 2, 4 or 8. */
  readonly size: number;
  /** How many lie there, back to back; of a stack those from the first 0 on are none. */
  readonly count: number;
}

/** Where the numbers of a field lie that its decoder of this kind asks about; null where its size is none of a number. */
export function askedPlace(kind: LookupKind, { offset, size, decoders }: Field): AskedPlace | null {
  const isStack = kind === 'kstack' && decoders[0]!.name === 'kstack';
  if (isStack) return { offset, size: ADDRESS_BYTES, count: Math.floor(size / ADDRESS_BYTES) };
  return SIZES.includes(size) ? { offset, size, count: 1 } : null;
}

/** The numbers at one place of keys or records that the host is asked about. No object a number, except while it is pending. */
export class AskedField {
  readonly kind: LookupKind;
  /** Length of a record that has the field. */
  readonly end: number;
  /** Numbers that are to be looked up. */
  readonly pending = new Set<bigint>();
  readonly #offset: number;
  /** Bytes of a number. */
  readonly #size: number;
  #said: KeyTable;
  /** Where {@link askDue} goes on. */
  #cursor = 0;

  constructor(kind: LookupKind, { offset, size, count }: AskedPlace) {
    this.kind = kind;
    this.end = offset + size * count;
    this.#offset = offset;
    this.#size = size;
    this.#said = this.#noNumbers();
  }

  /** Notes the numbers in the key or record at `start`, where they are new or due again at `tick`. */
  note(bytes: Uint8Array, start: number, tick: number): void {
    const said = this.#said;
    const end = start + this.end;
    for (let at = start + this.#offset; at < end; at += this.#size) {
      const words = said.load(bytes, at);
      if (this.kind === 'kstack' && isZero(words)) return;
      const id = said.find(words, 0);
      if (id !== NONE && said.records[id * said.stride + said.extra + UNTIL]! > tick) continue;
      this.pending.add(this.#numberAt(bytes, at));
    }
  }

  /** Notes those that have been noted before and are due again at `tick`. */
  askDue(tick: number): void {
    const { records, stride, extra, limit } = this.#said;
    let left = MAX_DUE - this.pending.size;
    for (let seen = 0; seen < limit && left > 0; seen++) {
      const id = this.#cursor++ % limit;
      if (records[id * stride + extra + UNTIL]! > tick) continue;
      this.pending.add(this.#numberAt(this.#said.key(id), 0));
      left--;
    }
  }

  /** Notes an answer, which stands until `untilTick`. True when it is to be said: it is new, or another than before. */
  answered(number: bigint, name: Uint8Array | undefined, untilTick: number): boolean {
    this.pending.delete(number);
    if (this.#said.size >= MAX_SAID) this.forget();
    const said = this.#said;
    const words = said.load(this.#bytesOf(number), 0);
    const known = said.find(words, 0);
    const id = known === NONE ? said.add(words, 0) : known;
    const at = id * said.stride + said.extra;
    said.records[at + UNTIL] = Math.min(untilTick, FOR_EVER);
    if (name === undefined) {
      if (known === NONE) said.records[at + HASH] = 0;
      return false;
    }
    const hash = hashBytes(name, 0, name.length) || 1;
    const isNews = known === NONE || said.records[at + HASH] !== hash;
    said.records[at + HASH] = hash;
    return isNews;
  }

  /** Nothing counts as said any more. */
  forget(): void {
    this.#said = this.#noNumbers();
  }

  #noNumbers(): KeyTable {
    return new KeyTable(this.#size, 2);
  }

  #numberAt(bytes: Uint8Array, at: number): bigint {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, this.#size);
    switch (this.#size) {
      case 1:
        return BigInt(view.getUint8(0));
      case 2:
        return BigInt(view.getUint16(0, IS_LITTLE_ENDIAN));
      case 4:
        return BigInt(view.getUint32(0, IS_LITTLE_ENDIAN));
      default:
        return view.getBigUint64(0, IS_LITTLE_ENDIAN);
    }
  }

  #bytesOf(number: bigint): Uint8Array {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, number, IS_LITTLE_ENDIAN);
    return new Uint8Array(view.buffer, IS_LITTLE_ENDIAN ? 0 : 8 - this.#size, this.#size);
  }
}

function isZero(words: Uint32Array): boolean {
  for (const word of words) if (word !== 0) return false;
  return true;
}
