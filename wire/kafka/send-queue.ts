import type { BusRecord } from '../bus.js';
import { partitionOf } from './murmur2.js';

/** A publish that waits for its records to be acknowledged. */
export interface PendingPublish {
  readonly records: readonly BusRecord[];
  resolve(): void;
  reject(error: Error): void;
}

/** Records of one partition that go out together. */
export interface Send {
  readonly partition: number;
  readonly records: readonly BusRecord[];
  /** Of the values. */
  readonly bytes: number;
}

export interface SendLimits {
  /** Of the values. */
  readonly maxBytes: number;
  readonly maxRecords: number;
}

interface Entry {
  readonly record: BusRecord;
  /** Found out once: how many partitions there are changes only after a failure, with which all entries go. */
  partition?: number;
  readonly owner: { readonly publish: PendingPublish; waiting: number };
}

/** What a record that waits takes in memory beside its value, about. */
const ENTRY_BYTES = 256;

/** Memory that a record takes while it waits, about. */
export function waitingBytes(record: BusRecord): number {
  return record.value.byteLength + ENTRY_BYTES;
}

/** Publishes in the order they came in, joined to sends. A record leaves when its send is acknowledged or has failed. */
export class SendQueue {
  #entries: Entry[] = [];
  #sending: Entry[] = [];
  #bytes = 0;

  /** {@link waitingBytes} of all records that are not done with. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  push(publish: PendingPublish): void {
    const owner = { publish, waiting: publish.records.length };
    for (const record of publish.records) {
      this.#bytes += waitingBytes(record);
      this.#entries.push({ record, owner });
    }
  }

  /**
   * Takes the oldest record and those of the same partition after it, in order, as many as go into one send; at least one.
   * Only one send at a time: `done`, `putBack` or `failAll` must follow.
   */
  take(partitionCount: number, limits: SendLimits): Send {
    const partitionOfEntry = (entry: Entry): number =>
      (entry.partition ??= partitionOf(entry.record.key, partitionCount));
    const partition = partitionOfEntry(this.#entries[0]!);
    const left: Entry[] = [];
    let bytes = 0;
    let isFull = false;
    for (const entry of this.#entries) {
      const isOfIt = partitionOfEntry(entry) === partition;
      const entryBytes = entry.record.value.byteLength;
      isFull ||= isOfIt && this.#sending.length > 0 && !fits(bytes + entryBytes, this.#sending.length, limits);
      if (isOfIt && !isFull) {
        this.#sending.push(entry);
        bytes += entryBytes;
      } else {
        left.push(entry);
      }
    }
    this.#entries = left;
    return { partition, records: this.#sending.map(({ record }) => record), bytes };
  }

  /** The send is acknowledged: publishes of which nothing waits any more resolve. */
  done(): void {
    for (const { owner, record } of this.#takeBack()) {
      this.#bytes -= waitingBytes(record);
      owner.waiting--;
      if (owner.waiting === 0) owner.publish.resolve();
    }
  }

  /** The send is to be taken anew, before all others. */
  putBack(): void {
    this.#entries.unshift(...this.#takeBack());
  }

  /** The send has failed for reasons of its own: its publishes reject, with what waits of them. */
  fail(error: Error): void {
    const owners = new Set(this.#sending.map(({ owner }) => owner));
    const isTheirs = ({ owner }: Entry): boolean => owners.has(owner);
    const gone = [...this.#takeBack(), ...this.#entries.filter(isTheirs)];
    this.#entries = this.#entries.filter((entry) => !isTheirs(entry));
    for (const { record } of gone) this.#bytes -= waitingBytes(record);
    for (const { publish } of owners) publish.reject(error);
  }

  /** Everything rejects: what came later must not go out before what its caller will send again. */
  failAll(error: Error): void {
    const gone = [...this.#takeBack(), ...this.#entries];
    this.#entries = [];
    this.#bytes = 0;
    for (const { publish } of new Set(gone.map(({ owner }) => owner))) publish.reject(error);
  }

  #takeBack(): Entry[] {
    const entries = this.#sending;
    this.#sending = [];
    return entries;
  }
}

function fits(bytes: number, count: number, limits: SendLimits): boolean {
  return bytes <= limits.maxBytes && count < limits.maxRecords;
}
