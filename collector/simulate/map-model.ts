import type { TypeLayout } from '../../wire/layout/type-layout.js';
import type { Labels } from './text.js';

/** What the programs of a made-up kernel do with a map. */
export interface RowWriter {
  /** Adds to the row of a key, making it when there is none; to that of another key when this one cannot be made now. */
  add(key: number, amount: number): void;
}

/** A fact that only the host knows. */
export interface Fact {
  readonly kind: 'ksym';
  readonly id: bigint;
  /** Undefined: not even the host knows. */
  readonly name: string | undefined;
}

/** One map of a made-up probe. Its keys are numbered; only here is known what their bytes and labels are. */
export interface MapModel {
  readonly name: string;
  readonly type: 'hash' | 'lru_hash' | 'percpu_hash' | 'array';
  readonly keyLayout: TypeLayout;
  /** Different keys there are: 0 to `keys - 1`. */
  readonly keys: number;
  /** Rows at once, as the map's max_entries. */
  readonly maxEntries: number;
  /** Keys that have a row from the start. */
  readonly initialRows: number;
  writeKey(view: DataView, at: number, key: number, littleEndian: boolean): void;
  /** Value of a row that is there from the start. */
  initialValue(key: number): bigint;
  /** What one event does. */
  count(rows: RowWriter, random: () => number): void;
  fact?(key: number): Fact;
  /** Labels of the key's series; of a histogram without the bucket. */
  labels(key: number): Labels;
  readonly histogram?: HistogramModel;
}

/** A histogram of which the kernel counts each bucket in a row of its own, and the sum of values in one more. */
export interface HistogramModel {
  /** Upper bounds as `le` has them, without +Inf. */
  readonly bounds: readonly string[];
  /** Which bucket a key counts: position in `bounds`, `bounds.length` for the sum. */
  bucketOf(key: number): number;
  readonly multiplier: number;
}

/** A number as Go writes it with FormatFloat(v, 'g', -1, 64), which is how `le` is written. */
export function goNumber(value: number): string {
  if (value === 0) return '0';
  const [digits, power] = value.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
