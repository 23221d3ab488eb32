import { randomInteger } from '../../lib/random.js';
import type { MapReader } from '../../native/types.js';
import type { PolledMap } from '../source/map-poller.js';
import type { MapModel, RowWriter } from './map-model.js';

/** What a key may do now. */
const FREE = 0;
const LIVE = 1;
/** Made anew since the last read with a value lower than the one then: it must stay lower until it has been read. */
const FROZEN = 2;
/** Gone since the last read: it may come back only after one that has not seen it. */
const GONE = 3;

const NO_ROW = 0xffffffff;

/**
 * One map of a made-up kernel, with the truth about it. Rows rise; they go and begin again from 0, but only right after a read
 * that the bus has acknowledged, and only so that the next read can tell: what the kernel takes with it unseen, nobody knows.
 */
export class SimulatedMap implements PolledMap, RowWriter {
  readonly model: MapModel;
  readonly keySize: number;
  readonly #keys: Uint8Array;
  /** u64 as pairs of words, low one first: of each row what it holds, and what of that is acknowledged. */
  readonly #values: Uint32Array;
  readonly #acknowledged: Uint32Array;
  readonly #keyOf: Uint32Array;
  /** By key: its row, and what it may do. */
  readonly #rowOf: Uint32Array;
  readonly #stateOf: Uint8Array;
  /** By key: what rows that are gone had counted, and whether any row of it was acknowledged. */
  readonly #past: BigUint64Array;
  readonly #seen: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #count = 0;

  constructor(model: MapModel, littleEndian: boolean) {
    this.model = model;
    this.keySize = model.keyLayout.size;
    this.#littleEndian = littleEndian;
    this.#keys = new Uint8Array(Math.ceil((model.maxEntries * this.keySize) / 4) * 4);
    this.#view = new DataView(this.#keys.buffer);
    this.#values = new Uint32Array(model.maxEntries * 2);
    this.#acknowledged = new Uint32Array(model.maxEntries * 2);
    this.#keyOf = new Uint32Array(model.maxEntries);
    this.#rowOf = new Uint32Array(model.keys).fill(NO_ROW);
    this.#stateOf = new Uint8Array(model.keys);
    this.#past = new BigUint64Array(model.keys);
    this.#seen = new Uint8Array(model.keys);
  }

  get name(): string {
    return this.model.name;
  }

  get type(): string {
    return this.model.type;
  }

  get maxEntries(): number {
    return this.model.maxEntries;
  }

  get count(): number {
    return this.#count;
  }

  /** The key of the row whose bytes are at `offset` of what a reader has read. */
  keyAt(offset: number): number {
    return this.#keyOf[offset / this.keySize]!;
  }

  /** As after a load: no rows but those that are there from the start. What earlier ones had counted is kept. */
  load(): void {
    while (this.#count > 0) this.#remove(this.#count - 1);
    this.#stateOf.fill(FREE);
    for (let key = 0; key < this.model.initialRows; key++) this.#set(this.#make(key), this.model.initialValue(key));
  }

  /** Counts `events` events. */
  run(events: number, random: () => number): void {
    for (let i = 0; i < events; i++) this.model.count(this, random);
  }

  add(key: number, amount: number): void {
    let row = this.#rowOf[key]!;
    if (this.#stateOf[key] === FREE) {
      // A full LRU map would evict now, between two reads; it did that before (see `churn`). Others are never full.
      if (this.#count === this.maxEntries) row = NO_ROW;
      else row = this.#make(key);
    } else if (this.#stateOf[key] !== LIVE) row = NO_ROW;
    if (row === NO_ROW) row = this.#liveRow(key);
    if (row === NO_ROW) return;
    const low = this.#values[row * 2]! + amount;
    this.#values[row * 2] = low;
    if (low > 0xffffffff) this.#values[row * 2 + 1]!++;
  }

  /** All rows in one go, and after a read every key may do everything again. */
  openReader(): MapReader {
    const { possibleCpus, mode } = { possibleCpus: 1, mode: 'batch' as const };
    let isDone = false;
    const next = (): number => {
      isDone = !isDone;
      if (!isDone || this.#count === 0) {
        isDone = false;
        this.#thaw();
        return 0;
      }
      return this.#count;
    };
    const values = new Uint8Array(this.#values.buffer);
    return {
      keys: this.#keys,
      values,
      valueStride: 8,
      possibleCpus,
      mode,
      next: () => Promise.resolve(next()),
      nextSync: next,
      close: () => undefined,
    };
  }

  /** The bus has everything that the last read saw. */
  acknowledge(): void {
    this.#acknowledged.set(this.#values.subarray(0, this.#count * 2));
    for (let row = 0; row < this.#count; row++) this.#seen[this.#keyOf[row]!] = 1;
  }

  /**
   * Takes rows away, as a share of all: some are made again at once. An array's row is set to 0 by its program instead, and an
   * LRU map makes room. Only right after {@link acknowledge}.
   */
  churn(share: number, random: () => number): void {
    const rows = Math.ceil(this.#count * share * random());
    for (let i = 0; i < rows && this.#count > 0; i++) {
      const row = randomInteger(random, this.#count);
      if (this.type === 'array') this.#set(row, 0n);
      else if (this.#stateOf[this.#keyOf[row]!] === LIVE) this.#evict(row, random);
    }
    if (this.type !== 'lru_hash') return;
    while (this.#count > this.maxEntries * 0.9) this.#evict(randomInteger(random, this.#count), random);
  }

  /** Each key that any acknowledged frame has carried, with what has been counted under it, as far as acknowledged. */
  *totals(): Generator<readonly [key: number, value: bigint]> {
    const acknowledged = new BigUint64Array(this.#acknowledged.buffer);
    for (let key = 0; key < this.model.keys; key++) {
      if (this.#seen[key] !== 1) continue;
      const row = this.#rowOf[key]!;
      const current = row === NO_ROW ? 0n : acknowledged[row]!;
      yield [key, BigInt.asUintN(64, this.#past[key]! + current)];
    }
  }

  #thaw(): void {
    for (let key = 0; key < this.#stateOf.length; key++) {
      if (this.#stateOf[key] === FROZEN) this.#stateOf[key] = LIVE;
      else if (this.#stateOf[key] === GONE) this.#stateOf[key] = FREE;
    }
  }

  #evict(row: number, random: () => number): void {
    const key = this.#keyOf[row]!;
    const value = this.#get(row);
    this.#remove(row);
    this.#stateOf[key] = GONE;
    if (value === 0n || this.#count === this.maxEntries || random() < 0.5) return;
    const again = this.#make(key);
    this.#set(again, BigInt(Math.floor(random() * Math.min(Number(value), 100))));
    this.#stateOf[key] = FROZEN;
  }

  /** Any row that may count, from that of `key` on; {@link NO_ROW} when there is none nearby. */
  #liveRow(key: number): number {
    for (let i = 0; i < 16 && i < this.#count; i++) {
      const row = (key + i) % this.#count;
      if (this.#stateOf[this.#keyOf[row]!] === LIVE) return row;
    }
    return NO_ROW;
  }

  #make(key: number): number {
    const row = this.#count++;
    this.model.writeKey(this.#view, row * this.keySize, key, this.#littleEndian);
    this.#values.fill(0, row * 2, row * 2 + 2);
    this.#acknowledged.fill(0, row * 2, row * 2 + 2);
    this.#keyOf[row] = key;
    this.#rowOf[key] = row;
    this.#stateOf[key] = LIVE;
    return row;
  }

  /** Its place is taken by the last row, so that rows come in another order at the next read. */
  #remove(row: number): void {
    const key = this.#keyOf[row]!;
    const acknowledged = (BigInt(this.#acknowledged[row * 2 + 1]!) << 32n) | BigInt(this.#acknowledged[row * 2]!);
    this.#past[key] = this.#past[key]! + acknowledged;
    this.#rowOf[key] = NO_ROW;
    const last = --this.#count;
    if (row === last) return;
    const { keySize } = this;
    this.#keys.copyWithin(row * keySize, last * keySize, (last + 1) * keySize);
    for (const words of [this.#values, this.#acknowledged]) words.copyWithin(row * 2, last * 2, last * 2 + 2);
    this.#keyOf[row] = this.#keyOf[last]!;
    this.#rowOf[this.#keyOf[row]] = row;
  }

  #get(row: number): bigint {
    return (BigInt(this.#values[row * 2 + 1]!) << 32n) | BigInt(this.#values[row * 2]!);
  }

  #set(row: number, value: bigint): void {
    this.#values[row * 2] = Number(value & 0xffffffffn);
    this.#values[row * 2 + 1] = Number(value >> 32n);
  }
}
