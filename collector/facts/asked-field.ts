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
export const NUMBER_SIZES: readonly number[] = [1, 2, 4, 8];

/** Words of a number in its table: from which tick on it is to be asked again, and the hash of what was said. */
const UNTIL = 0;
const HASH = 1;
const FOR_EVER = 0xffffffff;

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

  /** `size`: one of {@link NUMBER_SIZES}. */
  constructor(kind: LookupKind, { offset, size }: Field) {
    this.kind = kind;
    this.end = offset + size;
    this.#offset = offset;
    this.#size = size;
    this.#said = this.#noNumbers();
  }

  /** Notes the number in the key or record at `start`, if it is new or due again at `tick`. */
  note(bytes: Uint8Array, start: number, tick: number): void {
    const at = start + this.#offset;
    const said = this.#said;
    const id = said.find(said.load(bytes, at), 0);
    if (id !== NONE && said.records[id * said.stride + said.extra + UNTIL]! > tick) return;
    this.pending.add(this.#numberAt(bytes, at));
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
