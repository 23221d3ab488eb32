import type { LineBuffer } from '../output/prometheus/family-writer.js';
import { FamilyWriter } from '../output/prometheus/family-writer.js';
import type { Family } from '../series/family.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const BRACE = 0x7b;
/** Lines of a histogram's series beside its buckets: +Inf, sum and count. */
const HISTOGRAM_LINES = 3;

/** The lines of one series at one moment, without labels of the host and without a time. */
export interface SeriesSample {
  /** `{…}` as in a line that has no `le`, or nothing: a view into `lines`. */
  readonly key: Uint8Array;
  readonly lines: Uint8Array;
}

/** All series of a family as they are now, in bytes of their own. */
export function* familySamples(family: Family, buffer: LineBuffer): Generator<SeriesSample> {
  const { buckets } = family.definition;
  const lines = buckets === undefined ? 1 : buckets.count + HISTOGRAM_LINES;
  const writer = new FamilyWriter(family, Buffer.alloc(0), buffer);
  for (let chunk = writer.next(); chunk !== null; chunk = writer.next()) {
    for (let at = 0; at < chunk.length;) {
      let [last, end] = [at, at];
      for (let line = 0; line < lines; line++) {
        last = end;
        end = chunk.indexOf(NEWLINE, end) + 1;
      }
      // The last line of a histogram is its count, which has no `le`.
      const value = chunk.lastIndexOf(SPACE, end - 1);
      const brace = chunk.indexOf(BRACE, last);
      const labels = brace < 0 || brace > value ? value : brace;
      yield { key: chunk.subarray(labels, value), lines: chunk.subarray(at, end) };
      at = end;
    }
  }
}
