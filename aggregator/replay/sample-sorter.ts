import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readRun, writeRun, type CompareEntries, type Entry } from './sorted-run.js';

/** Files that are read together; when there are more, they are made fewer first. */
const MAX_RUNS = 32;
/** What an entry takes beside its lines, about. */
const ENTRY_BYTES = 200;

export interface SampleSorterOptions {
  /** Folder for temporary files; a folder of its own is made there when one is needed. */
  readonly folder: string;
  /** Bytes that are held before they go to a file. */
  readonly maxBytes: number;
}

/**
 * Puts samples in order, however many there are: what does not fit the memory waits in sorted files, which are merged at the end.
 */
export class SampleSorter {
  readonly #options: SampleSorterOptions;
  readonly #compare: CompareEntries;
  #entries: Entry[] = [];
  #bytes = 0;
  #folder: string | undefined;
  #runs: string[] = [];
  #nextRun = 0;

  /** `compare` must always say the same of two entries. */
  constructor(options: SampleSorterOptions, compare: CompareEntries) {
    this.#options = options;
    this.#compare = compare;
  }

  /** Files that were written. */
  get spilled(): number {
    return this.#nextRun;
  }

  /** Takes a sample, with bytes that stay as they are; `key` is a view into `lines`. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.lines.length + ENTRY_BYTES;
    if (this.#bytes > this.#options.maxBytes) this.#spill();
  }

  /** All samples in order, once. An entry is good until the next one is asked for. */
  *sorted(): Generator<Entry> {
    const rest = this.#entries.sort(this.#compare);
    this.#entries = [];
    while (this.#runs.length > MAX_RUNS) this.#shorten();
    const runs = this.#runs;
    this.#runs = [];
    yield* merge([...runs.map(readRun), rest[Symbol.iterator]()], this.#compare);
  }

  /** Removes what is left of temporary files. Idempotent. */
  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
    this.#entries = [];
  }

  #spill(): void {
    const path = this.#newRun();
    writeRun(path, this.#entries.sort(this.#compare));
    this.#runs.push(path);
    this.#entries = [];
    this.#bytes = 0;
    if (this.#runs.length > MAX_RUNS * 2) this.#shorten();
  }

  /** Makes one file of the oldest ones. */
  #shorten(): void {
    const path = this.#newRun();
    writeRun(path, merge(this.#runs.splice(0, MAX_RUNS).map(readRun), this.#compare));
    this.#runs.unshift(path);
  }

  #newRun(): string {
    this.#folder ??= mkdtempSync(join(this.#options.folder, 'sonde-replay-'));
    return join(this.#folder, `run-${this.#nextRun++}`);
  }
}

/** Entries of several sources that are each in order. */
function* merge(sources: readonly Iterator<Entry, unknown>[], compare: CompareEntries): Generator<Entry> {
  const heads: { source: Iterator<Entry, unknown>; entry: Entry }[] = [];
  for (const source of sources) {
    const next = source.next();
    if (next.done !== true) heads.push({ source, entry: next.value });
  }
  while (heads.length > 0) {
    let first = 0;
    for (let i = 1; i < heads.length; i++) if (compare(heads[i]!.entry, heads[first]!.entry) < 0) first = i;
    const head = heads[first]!;
    yield head.entry;
    const next = head.source.next();
    if (next.done === true) heads.splice(first, 1);
    else head.entry = next.value;
  }
}
