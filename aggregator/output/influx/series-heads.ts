import { createHash } from 'node:crypto';
import { growU32, growU8 } from '../../../lib/grow.js';
import type { LabelTable } from '../../series/label-table.js';
import { writeText } from '../prometheus/number.js';
import { closingQuote, MAX_GROWTH, writeValue } from './tag-escape.js';

/** Names that mean something to InfluxDB, or that a point of ours has anyway. */
const TAKEN: ReadonlySet<string> = new Set(['time', '_field', '_measurement', 'value', 'count', 'sum', 'host_id']);
/** Fields of histograms. */
const BUCKET = /^le_.*[^_]$/;
const EQUALS = 0x3d;
/** Hex digits of the hash that stands as a tag for a label which is a field. */
const HASH_DIGITS = 16;
/** What a label takes beside its text: `_` behind its name, `,_hash=`, the hash, `"` and `,`. */
const LABEL_ROOM = 64;

/** The name under which InfluxDB has a label: the same, with `_` behind it where that is taken. */
export function influxName(label: string, others: readonly string[]): string {
  let name = label;
  while (TAKEN.has(name) || BUCKET.test(name) || (name !== label && others.includes(name))) name += '_';
  return name;
}

/**
 * What stands before the fields of each series of a table, written once a series: `metric,tags `, then those labels that are string
 * fields, `stack="…",`. Such a label has a tag with its hash, without which two series would overwrite each other.
 */
export class SeriesHeads {
  readonly #metric: Buffer;
  readonly #names: ReadonlyMap<string, { readonly name: string; readonly isField: boolean }>;
  #arena = new Uint8Array(1024);
  /** Where each series's head begins; one entry more than there are series. */
  #starts = new Uint32Array(65);
  #count = 0;
  #scratch = new Uint8Array(1024);

  /**
   * @param hostTags `,name=value…`, escaped.
   * @param labels of the metric.
   * @param fields those of them that become string fields.
   */
  constructor(metric: string, hostTags: string, labels: readonly string[], fields: readonly string[]) {
    this.#metric = Buffer.from(metric + hostTags);
    this.#names = new Map(
      labels.map((label) => [label, { name: influxName(label, labels), isField: fields.includes(label) }]),
    );
  }

  get arena(): Uint8Array {
    return this.#arena;
  }

  get starts(): Uint32Array {
    return this.#starts;
  }

  /** Writes the heads of series below `size` that are not written yet. */
  extend(table: LabelTable, size: number): void {
    const { arena, starts } = table;
    for (let series = this.#count; series < size; series++) this.#add(arena, starts[series]!, starts[series + 1]!);
  }

  #add(text: Uint8Array, from: number, to: number): void {
    // A name stands there twice at most, and never grows.
    const room = this.#metric.length + (to - from) * MAX_GROWTH + this.#names.size * LABEL_ROOM + 1;
    const start = this.#starts[this.#count]!;
    if (start + room > this.#arena.length) this.#arena = growU8(this.#arena, (start + room) * 2);
    if (this.#count + 2 > this.#starts.length) this.#starts = growU32(this.#starts, this.#starts.length * 2);
    if (room > this.#scratch.length) this.#scratch = new Uint8Array(room * 2);
    const out = this.#arena;
    out.set(this.#metric, start);
    let at = start + this.#metric.length;
    let fieldsEnd = 0;
    while (from < to) {
      const valueFrom = text.indexOf(EQUALS, from) + 2;
      const valueTo = closingQuote(text, valueFrom);
      const label = Buffer.from(text.buffer, text.byteOffset + from, valueFrom - 2 - from).toString('latin1');
      const { name, isField } = this.#names.get(label)!;
      if (isField) {
        const hash = createHash('sha256').update(text.subarray(valueFrom, valueTo)).digest('hex').slice(0, HASH_DIGITS);
        at = writeText(out, at, `,${name}_hash=${hash}`);
        fieldsEnd = writeText(this.#scratch, fieldsEnd, `${name}="`);
        fieldsEnd = writeValue(this.#scratch, fieldsEnd, text, valueFrom, valueTo, 'field');
        fieldsEnd = writeText(this.#scratch, fieldsEnd, '",');
      } else if (valueTo > valueFrom) {
        // A tag cannot be empty: one that is left out is.
        at = writeText(out, at, `,${name}=`);
        at = writeValue(out, at, text, valueFrom, valueTo, 'tag');
      }
      from = valueTo + 2;
    }
    out[at++] = 0x20;
    out.set(this.#scratch.subarray(0, fieldsEnd), at);
    this.#count++;
    this.#starts[this.#count] = at + fieldsEnd;
  }
}
